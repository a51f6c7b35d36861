// `npm run bench` and `npm run bench:scale`; bench/README.md has their arguments.
import { join } from 'node:path'
import { buildIsStale, buildPackage } from './lib/build.ts'
import { installPackage } from './lib/consumer.ts'
import { runInForeground } from './lib/foreground.mjs'
import { installLocked } from './lib/install.mjs'
import { inProject } from './lib/project.ts'

const here = inProject('bench')
const [first, ...rest] = process.argv.slice(2)
const [program, args] = first === 'scale' ? ['curves/main.ts', rest] : ['main.ts', process.argv.slice(2)]

if (!installLocked(here)) process.exit(1)
if (buildIsStale() && (await buildPackage()) !== 0) process.exit(1)
// As users get it: packed and unpacked.
await installPackage(join(here, 'node_modules'))
runInForeground(process.execPath, ['--expose-gc', join(here, program), ...args])
