import { buildIsStale, buildPackage } from './lib/build.ts'
import { runInForeground } from './lib/foreground.mjs'
import { inProject } from './lib/project.ts'

if (buildIsStale() && (await buildPackage()) !== 0) process.exit(1)
runInForeground(process.execPath, [inProject('examples', 'reading-room', 'server.ts'), ...process.argv.slice(2)])
