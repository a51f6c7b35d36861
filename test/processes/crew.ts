import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { Result, Task } from './tasks.ts'

/** Gives each task to a process of its own; all begin at the same moment. Works inside a test. */
export async function together(tasks: readonly Task[]): Promise<readonly Result[]> {
  const children = tasks.map(() => fork(new URL('child.ts', import.meta.url), { execArgv: [] }))
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
  })
  await Promise.all(children.map(message))
  const results = children.map(message)
  for (const [index, child] of children.entries()) child.send(tasks[index]!)
  return (await Promise.all(results)) as Result[]
}

/** What the process says next. */
async function message(child: ChildProcess): Promise<unknown> {
  const gone = new AbortController()
  const { signal } = gone
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([value]: unknown[]) => value),
      once(child, 'close', { signal }).then(([code]: unknown[]): never => {
        throw new Error(`a process ended with ${String(code)} before it had told anything`)
      }),
    ])
  } finally {
    gone.abort()
  }
}
