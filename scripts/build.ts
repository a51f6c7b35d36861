import { buildPackage } from './lib/build.ts'

process.exitCode = await buildPackage()
