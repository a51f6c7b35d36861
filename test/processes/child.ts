// A process that waits for a task, does it, tells what came of it, and ends. Nothing but its work keeps it alive
// meanwhile, as in a script: a wait inside the engine that the process did not outlive would end it too early.
import type { Task } from './tasks.ts'
import { perform } from './tasks.ts'

process.once('message', (task: Task) => {
  perform(task).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.send?.('ready')
