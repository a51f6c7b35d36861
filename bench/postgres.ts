/**
 * CPU of this process for one `get` and one `update` of the PostgreSQL store with 64 under way, beside one statement for
 * each call. `node --import ./bench/from-source.mjs bench/postgres.ts postgres://… [seconds]`
 */
import pg from 'pg'
import postgres from 'postgres'
import { randomBytes } from 'node:crypto'
import type { StoreKey } from '../src/core/key.ts'
import type { SessionRecord } from '../src/core/store.ts'
import { postgresStore } from '../src/stores/postgres.ts'

const url = process.argv[2] ?? 'postgres://127.0.0.1/postgres'
const seconds = Number(process.argv[3] ?? 3)
const CLIENTS = 64
const KEYS = 1000
const keys = Array.from(
  { length: KEYS },
  (_, n) =>
    `s1.${randomBytes(3).toString('base64url').slice(0, 3)}.${randomBytes(32).toString('base64url')}${n < 0 ? '' : ''}` as StoreKey,
)
const data = JSON.stringify({
  cart: Array.from({ length: 5 }, (_, n) => ({ id: n, title: `book ${n}`, count: 1 })),
  theme: 'dark',
})
const far = Date.now() + 3_600_000

const record = (n: number, version: number): SessionRecord => ({
  state: 'live',
  version,
  handle: `handle-${n}`,
  createdAt: Date.now(),
  seenAt: Date.now(),
  expiresAt: far,
  meta: '{"v":1}',
  data,
})

async function measure(what: string, call: (n: number) => Promise<unknown>): Promise<void> {
  const run = async (duration: number): Promise<number> => {
    let calls = 0
    const end = performance.now() + duration
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        for (let n = client; performance.now() < end; n = (n + CLIENTS) % KEYS) {
          await call(n)
          calls++
        }
      }),
    )
    return calls
  }
  await run(1000)
  const cpu = process.cpuUsage()
  const start = performance.now()
  const calls = await run(seconds * 1000)
  const { user, system } = process.cpuUsage(cpu)
  const rate = (calls / (performance.now() - start)) * 1000
  console.log(
    `${what.padEnd(44)} ${((user + system) / calls).toFixed(1).padStart(7)} us CPU ${rate.toFixed(0).padStart(8)}/s`,
  )
}

const table = 'bench_sessions'
const variants = [
  { name: 'pg', client: () => new pg.Pool({ connectionString: url }), prepare: false },
  { name: 'pg, prepare', client: () => new pg.Pool({ connectionString: url }), prepare: true },
  { name: 'postgres', client: () => postgres(url, { onnotice: () => undefined }), prepare: true },
  {
    name: 'postgres, prepare: false',
    client: () => postgres(url, { prepare: false, onnotice: () => undefined }),
    prepare: false,
  },
  { name: 'pg, 16 partitions', client: () => new pg.Pool({ connectionString: url }), prepare: false, partitions: 16 },
] as const
for (const { name, client: open, prepare, ...layout } of variants) {
  const client = open()
  const store = postgresStore({ client, prepare, table: 'partitions' in layout ? `${table}_parts` : table, ...layout })
  await store.setup()
  const versions = keys.map(() => 1)
  await Promise.all(keys.map((key, n) => store.insert(key, record(n, 1))))
  await Promise.all(
    keys.map(async (key, n) => {
      const r = await store.get(key)
      if (r?.state === 'live') versions[n] = r.version
    }),
  )
  await measure(`${name}: get`, (n) => store.get(keys[n]!))
  await measure(`${name}: update`, async (n) => {
    await store.update(keys[n]!, versions[n]!, record(n, versions[n]! + 1))
    versions[n]!++
  })
  await measure(`${name}: touch`, (n) => store.touch(keys[n]!, Date.now(), far + 1))
  await store.close()
  await client.end()
}
const pool = new pg.Pool({ connectionString: url })
await measure('pg, one statement each: get', (n) =>
  pool.query({
    text: `SELECT state, version, created_at, seen_at, expires_at, handle, subject, moved_to, meta, data FROM ${table} WHERE key = $1 AND expires_at > $2`,
    values: [keys[n], Date.now()],
  }),
)
await measure('pg, one statement each, prepared: get', (n) =>
  pool.query({
    name: 'g',
    text: `SELECT state, version, created_at, seen_at, expires_at, handle, subject, moved_to, meta, data FROM ${table} WHERE key = $1 AND expires_at > $2`,
    values: [keys[n], Date.now()],
  }),
)
await measure('pg, one statement each: update', (n) =>
  pool.query({
    text: `UPDATE ${table} SET version = version + 1, seen_at = $2, expires_at = $3, meta = $4, data = $5 WHERE key = $1`,
    values: [keys[n], Date.now(), far, '{"v":1}', data],
  }),
)
await pool.end()
