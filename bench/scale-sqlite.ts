/**
 * How the SQLite store behaves at a thousand and at a million sessions:
 * `node --import ./bench/from-source.mjs bench/scale-sqlite.ts [sessions]`
 *
 * Times are CPU time of the whole process. Holds are those of the event loop between two of its turns: CPU time of the
 * main thread, and elapsed time, which has the waiting for the disk in it, and for the processor on a machine that is busy.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SqliteStore } from 'sojourn/stores/sqlite'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { HOUR, type Key, seedOf, type SessionRecord } from './lib/seed.ts'

const TOGETHER = 64
const most = Number(process.argv[2] ?? 1_000_000)
const rows: Record<string, string | number>[] = []
for (const count of [1_000, most]) rows.push(await measure(count))
console.table(rows.flatMap((row) => Object.entries(row).map(([what, value]) => ({ what, value }))))

async function measure(count: number): Promise<Record<string, string | number>> {
  let time = 1_700_000_000_000
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-scale-sqlite-'))
  const path = join(folder, 'sessions.db')
  let store = sqliteStore({ path, now: () => time })
  const { keys, records, encoded } = await fill(store, count, time)
  const size = (statSync(path).size + statSync(`${path}-wal`).size) / count
  const calls = Math.min(20_000, 20 * count)
  const pick = (n: number): number => (n * 7919) % keys.length
  const get = (n: number) => store.get(keys[pick(n)]!)
  const update = async (n: number): Promise<void> => {
    const index = pick(n)
    const record = records[index]!
    const next = (records[index] = {
      ...record,
      version: record.version + 1,
      seenAt: time + n,
      expiresAt: record.expiresAt + 1,
    })
    const { outcome } = await store.update(keys[index]!, record.version, next)
    if (outcome !== 'updated') throw new Error(outcome)
  }
  const results = {
    'get, one a turn, µs': await timeCalls(calls, 1, get),
    'get, 64 a turn, µs': await timeCalls(calls, TOGETHER, get),
    'update, one a turn, µs': await timeCalls(calls, 1, update),
    'update, 64 a turn, µs': await timeCalls(calls, TOGETHER, update),
  }
  await store.close()
  // Sessions expire hours after they were written: what the filling left to be written must not count as the sweep's.
  execFileSync('sync')
  store = sqliteStore({ path, now: () => time })
  time += 2 * HOUR
  const sweep = await sweepAll(store)
  if (sweep.removed !== count) throw new Error(`swept ${sweep.removed} of ${count}`)
  await store.close()
  rmSync(folder, { recursive: true })
  return {
    sessions: count,
    'bytes in the file per session': Math.round(size),
    'of which encoded': Math.round(encoded),
    ...results,
    ...sweep,
  }
}

async function fill(store: SqliteStore, count: number, now: number) {
  const keys: Key[] = []
  const records: SessionRecord[] = []
  const step = Math.max(1, Math.floor(count / 50_000))
  let encoded = 0
  for (let n = 0; n < count; n += 250) {
    const inserts: Promise<unknown>[] = []
    for (let i = n; i < Math.min(count, n + 250); i++) {
      const { key, record } = seedOf(i, now)
      if (i % step === 0) {
        keys.push(key)
        records.push(record)
      }
      encoded += key.length + JSON.stringify(record).length
      inserts.push(store.insert(key, record))
    }
    await Promise.all(inserts)
  }
  return { keys, records, encoded: encoded / count }
}

/** Mean CPU time of a call, in microseconds, when `together` of them are made in each turn. */
async function timeCalls(calls: number, together: number, call: (n: number) => Promise<unknown>): Promise<number> {
  const make = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += together) {
      await Promise.all(Array.from({ length: together }, (_, i) => call(n + i)))
    }
  }
  await make(0, calls / 4)
  const start = process.cpuUsage()
  await make(calls / 4, calls + calls / 4)
  const { user, system } = process.cpuUsage(start)
  return Math.round((10 * (user + system)) / calls) / 10
}

async function sweepAll(store: SqliteStore) {
  const state = { isSweeping: true }
  const holds: { cpu: number; wall: number }[] = []
  const watching = (async () => {
    while (state.isSweeping) {
      const [cpu, wall] = [process.threadCpuUsage(), performance.now()]
      await new Promise((resolve) => setImmediate(resolve))
      const { user, system } = process.threadCpuUsage(cpu)
      holds.push({ cpu: (user + system) / 1000, wall: performance.now() - wall })
    }
  })()
  const start = performance.now()
  const removed = (await store.sweep(Number.MAX_SAFE_INTEGER)).removed
  state.isSweeping = false
  await watching
  const at = (kind: 'cpu' | 'wall', share: number): number => {
    const sorted = holds.map((hold) => hold[kind]).toSorted((a, b) => a - b)
    return Math.round(10 * (sorted[Math.floor((sorted.length - 1) * share)] ?? 0)) / 10
  }
  return {
    removed,
    'sweep, s': Math.round(performance.now() - start) / 1000,
    'longest hold, ms CPU': at('cpu', 1),
    'longest hold, ms elapsed': at('wall', 1),
    '99th percentile, ms elapsed': at('wall', 0.99),
  }
}
