import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { Subject } from '../subjects.ts'
import type { Database } from './databases.ts'
import { start } from './server.ts'

const SETTLE_MS = 3_000
const WATCH_MS = 10_000

/** How often a second the process wakes, in all its threads, while it holds one session and nobody asks for anything. */
export async function wakesWhenIdle(subject: Subject, database: Database | undefined): Promise<number> {
  const server = await start(subject, database?.url ?? '')
  try {
    if (subject.kind !== 'bare') await server.client.get('/start?slot=0')
    await wait(SETTLE_MS)
    const before = switchesOf(server.pid)
    await wait(WATCH_MS)
    return ((switchesOf(server.pid) - before) * 1000) / WATCH_MS
  } finally {
    await server.stop()
  }
}

/** How often the system gave a processor to one of its threads. */
function switchesOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const counts = threads.map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
    return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1] ?? 0)
  })
  return counts.reduce((sum, count) => sum + count, 0)
}
