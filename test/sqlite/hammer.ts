/** One of several processes on one SQLite file; see ../sqlite-processes.test.ts. Speaks with the test over IPC. */
import { once } from 'node:events'
import type { SqliteStore } from 'sojourn/stores/sqlite'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { testKey, testRecord } from 'sojourn/testing'

const [path = '', name = ''] = process.argv.slice(2)
const store = sqliteStore({ path })
const counter = testKey('counter')

tell('ready')
const [order] = (await once(process, 'message')) as [{ do: 'increment' | 'insert'; times: number }]
await (order.do === 'increment' ? increment(order.times) : insertForEver())
await store.close()
process.disconnect()

/** Counts the shared counter up, and adds capped sessions of one user meanwhile. */
async function increment(times: number): Promise<void> {
  let conflicts = 0
  for (let n = 0; n < times; n++) {
    conflicts += await incrementOnce(store)
    if (n % 10 === 0) await login(`${name}-${n}`)
  }
  tell({ conflicts })
}

async function incrementOnce({ get, update }: SqliteStore): Promise<number> {
  let current = await get(counter)
  for (let conflicts = 0; ; conflicts++) {
    if (current?.state !== 'live') throw new Error('the counter is gone')
    const next = { ...current, version: current.version + 1, data: String(Number(current.data) + 1) }
    const result = await update(counter, current.version, next)
    if (result.outcome === 'updated') return conflicts
    if (result.outcome === 'gone') throw new Error('the counter is gone')
    current = result.current
  }
}

async function login(label: string): Promise<void> {
  const record = testRecord(Date.now(), label, { subject: 'ann' })
  await store.insert(testKey(label, 'ann'), record, { max: 5, onLimit: 'evict-oldest' })
}

/** Tells of each session once its insertion and its update were answered, until somebody kills the process. */
async function insertForEver(): Promise<void> {
  for (let n = 0; ; n++) {
    const record = testRecord(Date.now(), `${n}`)
    await store.insert(testKey(`${n}`), record)
    await store.update(testKey(`${n}`), 1, { ...record, version: 2 })
    tell({ answered: n })
  }
}

function tell(message: unknown): void {
  process.send?.(message)
}
