// `npm run test:bare`: the README's two commands on a bare Debian, in a clone of HEAD; all of it is thrown away afterwards.
// `npm run test:bare -- 'npm run lint'` runs another command there. With `--or-here` the command runs on this machine when
// no bare one can be made.
import { ownEnvironment } from './lib/bare/environment.ts'
import { inventoryOf, isBare, wordsOf } from './lib/bare/inventory.ts'
import { loudly } from './lib/bare/loudly.ts'
import { runOnBareMachine } from './lib/bare/machine.ts'
import { runInForeground } from './lib/foreground.mjs'
import { root } from './lib/project.ts'

const HERE = '--or-here'
const args = process.argv.slice(2)
const command = args.filter((arg) => arg !== HERE).join(' ') || 'node scripts/visit.mjs'

const inventory = inventoryOf()
if (args.includes(HERE) && isBare(inventory)) {
  console.log(`bare: this machine is bare itself, with ${wordsOf(inventory)}\n`)
  runHere()
} else {
  await runOnBareMachine(command).then(
    (code) => (process.exitCode = code),
    (error: unknown) => {
      loudly('NO BARE MACHINE CAN BE MADE HERE', error instanceof Error ? error.message : String(error))
      if (!args.includes(HERE)) return (process.exitCode = 1)
      console.error(`bare: on this machine instead, with ${wordsOf(inventory)}\n`)
      return runHere()
    },
  )
}

function runHere(): void {
  runInForeground('bash', ['-c', command], { cwd: root, env: ownEnvironment() })
}
