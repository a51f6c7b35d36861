/**
 * What opening a session costs through the whole engine at a thousand and at a million sessions, and for how long the
 * sweep of all of them holds the event loop:
 * `node --expose-gc --import ./bench/from-source.mjs bench/open.ts [sessions]`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RequestFacts, Sessions, Store } from 'sojourn'
import { createSessions } from 'sojourn'
import { memoryStore } from 'sojourn/stores/memory'
import { sqliteStore } from 'sojourn/stores/sqlite'

const most = Number(process.argv[2] ?? 1_000_000)
const OPENS = 100_000
const TOGETHER = 32
const HOUR = 3_600_000

const stores: Readonly<Record<string, (now: () => number, folder: string) => Store>> = {
  memory: (now) => memoryStore({ now, maxEntries: 2 * most }),
  sqlite: (now, folder) => sqliteStore({ now, path: join(folder, 'sessions.db') }),
}

const rows: Record<string, string | number>[] = []
for (const [name, open] of Object.entries(stores)) {
  for (const count of [1_000, most]) rows.push(await measure(name, open, count))
}
console.table(rows)

async function measure(name: string, open: (now: () => number, folder: string) => Store, count: number) {
  let time = Date.now()
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-open-'))
  // No sweep by itself while opening is measured.
  const sessions = createSessions({
    store: open(() => time, folder),
    now: () => time,
    sweepEvery: '30d',
    storeTimeout: '1h',
  })
  const cookies = await fill(sessions, count)
  const cpu = await timeOpens(sessions, cookies)
  time += 2 * HOUR
  const sweep = await timeSweep(sessions, count)
  await sessions.close()
  await rm(folder, { recursive: true })
  return { store: name, sessions: count, 'open µs CPU': cpu, ...sweep }
}

/** Cookies of some of the sessions, from all over. */
async function fill(sessions: Sessions, count: number): Promise<readonly string[]> {
  const cookies: string[] = []
  const step = Math.max(1, Math.floor(count / 100_000))
  for (let n = 0; n < count; n += 500) {
    const batch = Array.from({ length: Math.min(500, count - n) }, (_, i) => begin(sessions, n + i))
    for (const [i, cookie] of (await Promise.all(batch)).entries()) if ((n + i) % step === 0) cookies.push(cookie)
    await nextTurn()
  }
  return cookies
}

async function begin(sessions: Sessions, n: number): Promise<string> {
  const session = await sessions.open(factsOf(undefined))
  session.data['cart'] = [{ item: `item-${n}`, count: 1 }]
  session.data['visits'] = n
  const outcome = await session.commit()
  return outcome?.cookies[0]?.split(';')[0] ?? ''
}

function factsOf(cookie: string | undefined): RequestFacts {
  return { method: 'GET', url: '/', secure: true, header: (name) => (name === 'cookie' ? cookie : undefined) }
}

/** Microseconds of processor time for one request that reads, as many at a time as a busy server has. */
async function timeOpens(sessions: Sessions, cookies: readonly string[]): Promise<number> {
  let next = 0
  const read = async (): Promise<void> => {
    next = (next + 7919) % cookies.length
    const session = await sessions.open(factsOf(cookies[next]))
    if (session.data['cart'] === undefined) throw new Error('a session was not found')
    await session.commit()
  }
  const run = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += TOGETHER) await Promise.all(Array.from({ length: TOGETHER }, read))
  }
  await run(OPENS / 5)
  globalThis.gc?.()
  const before = process.cpuUsage()
  await run(OPENS)
  const { user, system } = process.cpuUsage(before)
  return round((user + system) / OPENS)
}

async function timeSweep(sessions: Sessions, count: number): Promise<Record<string, number>> {
  globalThis.gc?.()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  const removed = await sessions.sweep()
  delay.disable()
  if (removed !== count) throw new Error(`swept ${removed} of ${count}`)
  return {
    'sweep s': round((performance.now() - started) / 1000),
    'longest hold ms': round(delay.max / 1e6),
    '99.9 % of holds ms': round(delay.percentile(99.9) / 1e6),
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
