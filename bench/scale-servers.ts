/**
 * How the networked stores behave at a thousand and at a million sessions in a real server:
 * `node --import ./bench/from-source.mjs bench/scale-servers.ts [sessions] [postgres|mysql|redis ...]`
 *
 * CPU times are those of this process and of all processes of the server. Elapsed times hold only on a quiet machine.
 */
import { randomFillSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { RowDataPacket } from 'mysql2/promise'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { createClient } from 'redis'
import type { MysqlStore } from 'sojourn/stores/mysql'
import { mysqlStore } from 'sojourn/stores/mysql'
import type { PostgresStore } from 'sojourn/stores/postgres'
import { postgresStore } from 'sojourn/stores/postgres'
import type { RedisStore } from 'sojourn/stores/redis'
import { redisStore } from 'sojourn/stores/redis'
import { startMariadb } from '../scripts/servers/mariadb.ts'
import { startPostgres } from '../scripts/servers/postgres.ts'
import { startRedis } from '../scripts/servers/redis.ts'

type Store = PostgresStore | MysqlStore | RedisStore
type Key = Parameters<Store['get']>[0]
type SessionRecord = Parameters<Store['insert']>[1]

/** A store on a server of its own. */
interface Candidate {
  readonly store: Store
  /** Process id of the server. */
  readonly pid: number
  /** Bytes that the sessions take there. */
  readonly bytes: () => Promise<number>
  /** Statements or commands that the server has seen. */
  readonly calls: () => Promise<number>
  readonly close: () => Promise<void>
}

const HOUR = 3_600_000
const TOGETHER = 64
const OF_ONE_USER = 1_000
const candidates: Readonly<Record<string, (now: () => number) => Promise<Candidate>>> = { postgres, mysql, redis }

const most = Number(process.argv[2] ?? 1_000_000)
const chosen = process.argv.slice(3)
for (const [name, open] of Object.entries(candidates)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const [few, many] = [await measure(open, 1_000), await measure(open, most)]
  const line = (what: string) => {
    const [a = 0, b = 0] = [few[what], many[what]]
    return { what: `${name}: ${what}`, '1,000': a, [most.toLocaleString('en')]: b, ratio: (b / a).toFixed(2) }
  }
  console.table(Object.keys(many).map(line))
}

async function measure(
  open: (now: () => number) => Promise<Candidate>,
  count: number,
): Promise<Record<string, number>> {
  let time = 1_700_000_000_000
  const candidate = await open(() => time)
  const { store } = candidate
  const empty = await candidate.bytes()
  const { keys, records } = await fill(store, count, time)
  const size = ((await candidate.bytes()) - empty) / count
  const pick = (n: number): number => (n * 7919) % keys.length
  const get = async (n: number): Promise<void> => {
    const key = keys[pick(n)]
    if (key === undefined || (await store.get(key))?.state !== 'live') throw new Error('lost')
  }
  const update = async (n: number): Promise<void> => {
    const index = pick(n)
    const [key, record] = [keys[index], records[index]]
    if (key === undefined || record === undefined) throw new Error('no such session')
    const next = { ...record, version: record.version + 1, data: record.data.replace(/\d/, String(n % 10)) }
    records[index] = next
    const { outcome } = await store.update(key, record.version, next)
    if (outcome !== 'updated') throw new Error(outcome)
  }
  const got = await cost(candidate, 40_000, get)
  const updated = await cost(candidate, Math.min(20_000, keys.length), update)
  const ended = await endOneUser(candidate, time)
  time += 2 * HOUR
  const swept = await sweepAll(store)
  await candidate.close()
  return {
    'get: µs CPU of the client': got.client,
    'get: µs CPU of the server': got.server,
    'get: µs elapsed, 64 at a time': got.elapsed,
    'update: µs CPU of the client': updated.client,
    'update: µs CPU of the server': updated.server,
    'update: µs elapsed, 64 at a time': updated.elapsed,
    [`end ${OF_ONE_USER} sessions of one user: calls`]: ended.calls,
    [`end ${OF_ONE_USER} sessions of one user: ms`]: ended.milliseconds,
    'sweep: removed': swept.removed,
    'sweep: seconds': swept.seconds,
    'sweep: longest batch of 250, ms': swept.longest,
    'bytes a session': Math.round(size),
  }
}

async function fill(store: Store, count: number, now: number): Promise<{ keys: Key[]; records: SessionRecord[] }> {
  const keys: Key[] = []
  const records: SessionRecord[] = []
  // As many as fit in memory beside everything else; spread over all that there are.
  const step = Math.max(1, Math.floor(count / 100_000))
  for (let n = 0; n < count; n += 1_000) {
    const inserts: Promise<unknown>[] = []
    for (let i = n; i < Math.min(count, n + 1_000); i++) {
      const [key, record] = session(i, now)
      if (i % step === 0) keys.push(key)
      if (i % step === 0) records.push(record)
      inserts.push(store.insert(key, record))
    }
    await Promise.all(inserts)
  }
  return { keys, records }
}

function session(n: number, now: number): readonly [Key, SessionRecord] {
  const text = randomFillSync(Buffer.alloc(48)).toString('base64url')
  const key = `s1.${text.slice(0, 3)}.${text.slice(3, 46)}` as Key
  const data = JSON.stringify({
    cart: [{ item: `item-${n}`, count: 1 }],
    theme: 'dark',
    visits: n,
    text: text.repeat(2),
  })
  const record: SessionRecord = {
    state: 'live',
    version: 1,
    handle: `${text.slice(20, 36)}${n}`,
    createdAt: now,
    seenAt: now,
    expiresAt: now + HOUR + (n % 1_000),
    meta: '',
    data,
  }
  return [key, record]
}

async function endOneUser({ store, calls }: Candidate, now: number): Promise<{ calls: number; milliseconds: number }> {
  const { partitionOfSubject } = await import('sojourn')
  const subject = 'id:one-user'
  const keys = Array.from({ length: OF_ONE_USER }, (_, n) => session(n, now))
  await Promise.all(
    keys.map(([key, record]) =>
      store.insert(`s1.${partitionOfSubject(subject)}.${key.slice(7)}` as Key, { ...record, subject }),
    ),
  )
  const before = await calls()
  const idle = (await calls()) - before
  const start = performance.now()
  const count = await store.deleteBySubject(subject)
  const milliseconds = round(performance.now() - start)
  if (count !== OF_ONE_USER) throw new Error(`ended ${count}`)
  return { calls: (await calls()) - before - 2 * idle, milliseconds }
}

async function sweepAll(store: Store): Promise<{ removed: number; seconds: number; longest: number }> {
  let [removed, longest] = [0, 0]
  const start = performance.now()
  for (let isDone = false; !isDone;) {
    const begin = performance.now()
    const batch = await store.sweep(250)
    longest = Math.max(longest, performance.now() - begin)
    removed += batch.removed
    isDone = batch.isDone
  }
  return { removed, seconds: round((performance.now() - start) / 1_000), longest: round(longest) }
}

/** Mean costs of an operation, 64 of which are always under way. */
async function cost({ pid }: Candidate, count: number, run: (n: number) => Promise<void>) {
  const all = async (from: number, to: number): Promise<void> => {
    let next = from
    const one = async (): Promise<void> => {
      while (next < to) await run(next++)
    }
    await Promise.all(Array.from({ length: TOGETHER }, one))
  }
  await all(0, Math.floor(count / 4))
  const [server, client, start] = [cpuOf(pid), process.cpuUsage(), performance.now()]
  await all(count, 2 * count)
  const { user, system } = process.cpuUsage(client)
  return {
    client: round((user + system) / count),
    server: round((cpuOf(pid) - server) / count),
    elapsed: round(((performance.now() - start) * 1_000) / count),
  }
}

/** CPU microseconds of a process and everything below it. */
function cpuOf(root: number): number {
  const TICK = 10_000
  const stats = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? statOf(Number(name)) : []))
  const below = new Set([root])
  for (let size = 0; size !== below.size;) {
    size = below.size
    for (const { pid, parent } of stats) if (below.has(parent)) below.add(pid)
  }
  return stats.reduce((sum, { pid, ticks }) => (below.has(pid) ? sum + ticks * TICK : sum), 0)
}

function statOf(pid: number): { pid: number; parent: number; ticks: number }[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [, parent = 0] = fields
    // utime, stime, and those of children that have ended.
    return [{ pid, parent, ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) }]
  } catch {
    return []
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

async function postgres(now: () => number): Promise<Candidate> {
  const server = await startPostgres({ settings: { fsync: 'on', shared_buffers: '2GB', max_wal_size: '8GB' } })
  const pool = new Pool({ connectionString: server.url, max: 10 })
  const store = postgresStore({ client: pool, now })
  await store.setup()
  await pool.query('create extension if not exists pg_stat_statements')
  const number = async (sql: string): Promise<number> =>
    Number((await pool.query<{ n: string }>(sql)).rows[0]?.n ?? Number.NaN)
  return {
    store,
    pid: server.pid ?? 0,
    bytes: () => number('select pg_database_size(current_database()) as n'),
    calls: () => number('select sum(calls) as n from pg_stat_statements'),
    async close() {
      await store.close()
      await pool.end()
      await server.stop()
    },
  }
}

async function mysql(now: () => number): Promise<Candidate> {
  const server = await startMariadb({ settings: { 'innodb-buffer-pool-size': '2G' } })
  const pool = createPool({ uri: server.url, connectionLimit: 10 })
  const store = mysqlStore({ client: pool, now })
  await store.setup()
  const number = async (sql: string): Promise<number> => {
    const [rows] = await pool.query<RowDataPacket[]>({ sql, rowsAsArray: true })
    const [row]: readonly unknown[] = rows
    return Array.isArray(row) ? Number(row.at(-1)) : Number.NaN
  }
  return {
    store,
    pid: server.pid ?? 0,
    bytes: () =>
      number(
        "select sum(file_size) from information_schema.innodb_sys_tablespaces where name like concat(database(), '/%')",
      ),
    // One CALL is one question; what its procedure does inside is not asked over the wire.
    calls: () => number("show global status like 'Com_call_procedure'"),
    async close() {
      await store.close()
      await pool.end()
      await server.stop()
    },
  }
}

async function redis(now: () => number): Promise<Candidate> {
  const server = await startRedis({ settings: { appendonly: 'yes', appendfsync: 'everysec' } })
  const client = createClient({ url: server.url })
  await client.connect()
  const store = redisStore({ client, now })
  const info = async (section: string, pattern: RegExp): Promise<number> =>
    [...(await client.info(section)).matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0)
  return {
    store,
    pid: server.pid ?? 0,
    bytes: () => info('memory', /^used_memory:(\d+)/gm),
    calls: () => info('commandstats', /^cmdstat_evalsha:calls=(\d+)/gm),
    async close() {
      await store.close()
      client.destroy()
      await server.stop()
    },
  }
}
