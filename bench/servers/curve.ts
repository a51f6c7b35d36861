// What a request's session costs as sessions become many, or large, through the whole engine without HTTP:
// `node --expose-gc curve.ts sessions <store> <url> <folder> <most>` or `... curve.ts bytes memory`.
// Prints one line of JSON for each point.
import type { Sessions } from 'sojourn'
import { createSessions } from 'sojourn'
import { memoryStore } from 'sojourn/stores/memory'
import type { StoreName } from './serve.ts'
import { type Data, storeAt } from './sojourn.ts'
import { visitOf } from './visit.ts'

const [kind = '', store = 'memory', url = '', folder = '', most = '1000000'] = process.argv.slice(2)
/** As many requests at a time as a busy server has. */
const TOGETHER = 32
const REPEATS = 5

const sessions = createSessions<Data & { filling?: string }>({
  store:
    store === 'memory'
      ? memoryStore({ maxEntries: 2 * Number(most), allowInProduction: true })
      : await storeAt({ store: store as StoreName, url, folder }),
  limits: { bytes: 100_000 },
})
await (kind === 'bytes' ? growBytes() : growSessions(Number(most)))
await sessions.close()
process.exit()

/** Ten times as many at each point. */
async function growSessions(most: number): Promise<void> {
  const cookies: string[] = []
  const requests = store === 'memory' || store === 'sqlite' ? 40_000 : 10_000
  await fill(cookies, 1_000)
  await measure(cookies, requests)
  for (let count = 1_000; count <= most; count *= 10) {
    await fill(cookies, count)
    console.log(JSON.stringify({ at: count, ...(await measure(cookies, requests)) }))
  }
}

/** A few sessions with more and more in them, and what one decoding and one encoding of it costs. */
async function growBytes(): Promise<void> {
  for (const bytes of [250, 250, 1_000, 4_000, 16_000, 64_000]) {
    const filling = 'x'.repeat(Math.max(0, bytes - 250))
    const cookies: string[] = []
    await fill(cookies, 100, filling)
    const text = JSON.stringify({ ...visitOf(1), filling })
    const requests = bytes > 4_000 ? 2_500 : 20_000
    const codec = median(Array.from({ length: REPEATS }, () => codecCost(text, requests)))
    console.log(JSON.stringify({ at: bytes, ...(await measure(cookies, requests)), codec }))
  }
}

async function fill(cookies: string[], count: number, filling?: string): Promise<void> {
  while (cookies.length < count) {
    const batch = Array.from({ length: Math.min(500, count - cookies.length) }, (_, i) => begin(cookies.length + i))
    for (const cookie of await Promise.all(batch)) cookies.push(cookie)
  }
  async function begin(n: number): Promise<string> {
    const session = await sessions.open(factsOf(undefined))
    Object.assign(session.data, visitOf(n), filling === undefined ? {} : { filling })
    const outcome = await session.commit()
    return outcome?.cookies[0]?.split(';')[0] ?? ''
  }
}

function factsOf(cookie: string | undefined): Parameters<Sessions['open']>[0] {
  return { method: 'GET', url: '/', secure: true, header: (name) => (name === 'cookie' ? cookie : undefined) }
}

/** Microseconds of processor time of the process for one request, the median of some repeats. */
async function measure(cookies: readonly string[], requests: number): Promise<{ read: number; write: number }> {
  const reads: number[] = []
  const writes: number[] = []
  for (let n = 0; n < REPEATS; n++) {
    globalThis.gc?.()
    reads.push(await cost(cookies, requests, () => undefined))
    writes.push(await cost(cookies, requests, (data) => (data.visits = (data.visits ?? 0) + 1)))
  }
  return { read: median(reads), write: median(writes) }
}

async function cost(cookies: readonly string[], requests: number, change: (data: Data) => void): Promise<number> {
  let next = 0
  const request = async (): Promise<void> => {
    // A step that visits all of them, far from each other.
    next = (next + 7919) % cookies.length
    const session = await sessions.open(factsOf(cookies[next]))
    if (session.data.slot === undefined) throw new Error('a session was not found')
    change(session.data)
    await session.commit()
  }
  const before = process.cpuUsage()
  for (let n = 0; n < requests; n += TOGETHER) await Promise.all(Array.from({ length: TOGETHER }, request))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / requests
}

function codecCost(text: string, times: number): number {
  const before = process.cpuUsage()
  for (let n = 0; n < times; n++)
    if (JSON.stringify(JSON.parse(text)).length !== text.length) throw new Error('differs')
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
