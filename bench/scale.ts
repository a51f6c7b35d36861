/**
 * How stores behave at a thousand and at a million sessions:
 * `node --expose-gc --import ./bench/from-source.mjs bench/scale.ts [sessions]`
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileStore } from 'sojourn/stores/file'
import type { MemoryStore } from 'sojourn/stores/memory'
import { memoryStore } from 'sojourn/stores/memory'
import { HOUR, type Key, seedOf } from './lib/seed.ts'

type Clock = () => number

type Measured = Pick<MemoryStore, 'get' | 'insert' | 'sweep'> & { close?(): Promise<void> }

/** What is measured. Add a store by adding a line. */
interface Candidate {
  readonly name: string
  readonly sizes: readonly number[]
  readonly reads: number
  /** In a new folder, which is removed afterwards. */
  readonly open: (now: Clock, folder: string) => Measured
  /** Bytes that the sessions take. */
  readonly bytes: (folder: string) => number | Promise<number>
}

const most = Number(process.argv[2] ?? 1_000_000)
const candidates: readonly Candidate[] = [
  {
    name: 'memory',
    sizes: [1_000, most],
    reads: 200_000,
    open: (now) => memoryStore({ now, maxEntries: 2 * most }),
    bytes: heapBytes,
  },
  {
    name: 'file',
    sizes: [1_000, Math.min(10_000, most)],
    reads: 5_000,
    open: (now, directory) => fileStore({ now, directory }),
    bytes: diskBytes,
  },
]

/** What the engine is advised to sweep in one turn of the event loop. */
const BATCH = 500
const rows: Record<string, string | number>[] = []
for (const candidate of candidates) for (const count of candidate.sizes) rows.push(await measure(candidate, count))
console.table(rows)

async function measure(
  { name, reads, open, bytes }: Candidate,
  count: number,
): Promise<Record<string, string | number>> {
  let time = 1_700_000_000_000
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-scale-'))
  const store = open(() => time, folder)
  const before = await bytes(folder)
  const { keys, encoded, hold } = await fill(store, count, time)
  const size = ((await bytes(folder)) - before) / count
  const get = await timeReads(store, keys, reads)
  const idle = await sweepAll(store)
  time += 2 * HOUR
  const sweep = await sweepAll(store)
  if (sweep.removed !== count) throw new Error(`${name}: swept ${sweep.removed} of ${count}`)
  await store.close?.()
  await rm(folder, { recursive: true })
  return {
    store: name,
    sessions: count,
    'get µs CPU': round(get),
    'bytes/session': Math.round(size),
    'encoded bytes': Math.round(encoded),
    'goal (1.5 × + 200)': Math.round(encoded * 1.5 + 200),
    'insert batch CPU ms': round(hold),
    'idle sweep ms': round(idle.total),
    'idle sweep batch CPU ms': round(idle.hold),
    'full sweep ms': round(sweep.total),
    'full sweep batch CPU ms': round(sweep.hold),
  }
}

interface Filled {
  /** Some of the keys, from all over. */
  readonly keys: readonly Key[]
  /** Mean of what a file or row of the record holds. */
  readonly encoded: number
  readonly hold: number
}

async function fill(store: Measured, count: number, now: number): Promise<Filled> {
  const keys: Key[] = []
  const step = Math.max(1, Math.floor(count / 100_000))
  const turns = watchTurns()
  let encoded = 0
  for (let n = 0; n < count; n += BATCH) {
    const inserts: ReturnType<Measured['insert']>[] = []
    for (let i = n; i < Math.min(count, n + BATCH); i++) {
      const { key, record } = seedOf(i, now)
      if (i % step === 0) keys.push(key)
      encoded += key.length + JSON.stringify(record).length
      inserts.push(store.insert(key, record))
    }
    for (const { outcome } of await Promise.all(inserts)) if (outcome !== 'inserted') throw new Error(outcome)
    await turns.next()
  }
  return { keys, encoded: encoded / count, hold: turns.longest() }
}

/** Mean CPU time of one read, of the whole process, in microseconds. */
async function timeReads(store: Measured, keys: readonly Key[], reads: number): Promise<number> {
  const read = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const key = keys[(n * 7919) % keys.length]
      if (key === undefined || (await store.get(key)) === undefined) throw new Error('lost')
    }
  }
  await read(reads / 4)
  const start = process.cpuUsage()
  await read(reads)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / reads
}

async function sweepAll(store: Measured): Promise<{ removed: number; total: number; hold: number }> {
  let [removed, isDone] = [0, false]
  const turns = watchTurns()
  const start = performance.now()
  while (!isDone) {
    const result = await store.sweep(BATCH)
    removed += result.removed
    isDone = result.isDone
    await turns.next()
  }
  return { removed, total: performance.now() - start, hold: turns.longest() }
}

/**
 * The most CPU time that the main thread took for one batch, in milliseconds: others wait no longer than that on a free
 * core, whatever else the machine does.
 */
function watchTurns(): { readonly next: () => Promise<void>; readonly longest: () => number } {
  let longest = 0
  let start = process.threadCpuUsage()
  const next = async (): Promise<void> => {
    const { user, system } = process.threadCpuUsage(start)
    longest = Math.max(longest, (user + system) / 1000)
    await nextTurn()
    start = process.threadCpuUsage()
  }
  return { next, longest: () => longest }
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with node --expose-gc')
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

async function diskBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  let blocks = 0
  for (const { parentPath, name } of entries) blocks += (await stat(join(parentPath, name))).blocks
  return blocks * 512
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
