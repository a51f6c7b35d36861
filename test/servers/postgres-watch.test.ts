import pg from 'pg'
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startPgbouncer } from '../../scripts/servers/pgbouncer.ts'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import { until } from '../../scripts/servers/until.ts'
import type { StoreNotice } from '../../src/core/store.ts'
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from '../../src/stores/postgres.ts'
import { own } from './support/own.ts'
import { type ClientKind, clientKinds, openStore } from './support/postgres-clients.ts'
import { eyeOn } from './support/postgres-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownPostgresDatabase } from './support/shared.ts'

interface Ear {
  readonly heard: StoreNotice[]
  /** Resolves as soon as that was heard. */
  readonly hears: (wanted: (notice: StoreNotice) => boolean) => Promise<void>
  readonly stop: () => Promise<void>
}

async function earOn(store: PostgresStore): Promise<Ear> {
  const heard: StoreNotice[] = []
  let onNotice = (): void => undefined
  const stop = await store.watch((notice) => {
    heard.push(notice)
    onNotice()
  })
  return {
    heard,
    stop,
    hears: (wanted) =>
      new Promise((resolve) => {
        onNotice = () => void (heard.some(wanted) && resolve())
        onNotice()
      }),
  }
}

const endOf = (key: string) => (notice: StoreNotice) => notice.kind === 'ended' && notice.key === key

interface Way {
  readonly name: string
  readonly kind: ClientKind
  readonly listeners: number
  readonly options?: Partial<PostgresStoreOptions>
}

const kindOf = (name: string): ClientKind => clientKinds.find((kind) => kind.name === name)!
const ways: readonly Way[] = [
  { name: 'pg, by LISTEN', kind: kindOf('pg, Pool'), listeners: 1 },
  { name: 'pg, by polling', kind: kindOf('pg, Pool'), listeners: 0, options: { watch: 'poll' } },
  { name: 'pg with one connection, by polling', kind: kindOf('pg, Pool of one connection'), listeners: 0 },
  { name: 'postgres, by LISTEN', kind: kindOf('postgres'), listeners: 1 },
  { name: 'postgres, by polling', kind: kindOf('postgres'), listeners: 0, options: { watch: 'poll' } },
  { name: 'partitions, by LISTEN', kind: kindOf('pg, Pool, 16 partitions'), listeners: 1 },
]

const LISTENERS = `select pid from pg_stat_activity where datname = current_database() and query ilike 'listen%'`

async function openBoth(context: TestContext, { kind, options }: Omit<Way, 'name'>) {
  const url = await ownPostgresDatabase(context)
  const { client, close } = kind.open(url)
  const all = { pollEvery: '20ms', ...kind.options, ...options } as const
  const store = postgresStore({ client, schema: 'public', ...all })
  onTestFinished(async () => {
    await store.close()
    await close()
  })
  await store.setup()
  const { store: other } = await openStore(url, { schema: 'public', ...kind.options })
  return { store, other, url, eye: await eyeOn(url) }
}

/** Ends sessions in every way there is. */
async function endAll(store: PostgresStore): Promise<readonly string[]> {
  const add = async (subject?: string): Promise<ReturnType<typeof newKey>> => {
    const key = newKey(subject)
    await store.insert(key, newRecord({ handle: key, ...(subject === undefined ? {} : { subject }) }))
    return key
  }
  const [deleted, marked, rotated, moved] = [await add(), await add(), await add(), await add()]
  const byHandle = await add('ann')
  const bySubject = [await add('bob'), await add('bob')]
  const [evicted, outdone] = [await add('eve'), await add('zoe')]
  const visitor = await add()
  await store.delete(deleted)
  const expiresAt = Date.now() + 60_000
  await store.delete(marked, { state: 'dead', expiresAt })
  await store.rotate(rotated, 1, newKey(), newRecord({ version: 2 }))
  const to = newKey()
  await store.rotate(moved, 1, to, newRecord({ version: 2 }), { tombstone: { state: 'moved', to, expiresAt } })
  await store.deleteByHandle('ann', byHandle)
  await store.deleteBySubject('bob')
  const cap = { max: 1, onLimit: 'evict-oldest' } as const
  await store.insert(newKey('eve'), newRecord({ subject: 'eve' }), cap)
  await store.rotate(visitor, 1, newKey('zoe'), newRecord({ subject: 'zoe', version: 2 }), { cap })
  return [deleted, marked, rotated, moved, byHandle, ...bySubject, evicted, outdone, visitor]
}

describe.each(ways)('watch: $name', (way) => {
  it('hears of every ending of another process, and of nothing else', async (context) => {
    const { store, other, eye } = await openBoth(context, way)
    const ear = await earOn(store)
    expect((await eye.client.query(LISTENERS)).rowCount).toBe(way.listeners)
    const kept = newKey('ann')
    await other.insert(kept, newRecord({ subject: 'ann' }))
    await other.update(kept, 1, newRecord({ subject: 'ann', version: 2 }))
    await other.touch(kept, Date.now(), Date.now() + 9)
    await other.delete(newKey())
    const ended = await endAll(other)
    await other.clear()
    await ear.hears(({ kind }) => kind === 'cleared')
    const keys = ear.heard.flatMap((notice) => (notice.kind === 'ended' ? [notice.key] : []))
    expect(keys.toSorted()).toEqual(ended.toSorted())
    expect(ear.heard).toHaveLength(ended.length + 1)
  })

  it('hears of its own endings, of a thousand at once, and of none after it stopped', async (context) => {
    const { store, other, eye } = await openBoth(context, way)
    const ear = await earOn(store)
    const keys = upTo(1000).map(() => newKey('ann'))
    await Promise.all(keys.map((key) => store.insert(key, newRecord({ subject: 'ann' }))))
    await store.deleteBySubject('ann')
    for (const key of keys) await ear.hears(endOf(key))
    expect(ear.heard).toHaveLength(1000)
    await ear.stop()
    await ear.stop()
    while ((await eye.client.query(LISTENERS)).rowCount !== 0);
    const again = await earOn(store)
    const [key] = await endAll(other)
    await again.hears(endOf(key!))
    expect(ear.heard).toHaveLength(1000)
  })
})

it('a PGlite tells of its endings', async () => {
  const { client, close } = kindOf('PGlite').open('')
  const store = postgresStore({ client })
  onTestFinished(async () => {
    await store.close()
    await close()
  })
  await store.setup()
  const ear = await earOn(store)
  const ended = await endAll(store)
  for (const key of ended) await ear.hears(endOf(key))
  await store.clear()
  await ear.hears(({ kind }) => kind === 'cleared')
})

it('an ending says nothing, and writes nothing, while nobody watches', async (context) => {
  const { store, other, eye } = await openBoth(context, ways[0]!)
  const { rows } = await eye.client.query<{ channel: string }>(
    `select substring(prosrc from 'pg_notify\\(''([^'']+)') as channel from pg_proc where proname = 'sojourn_sessions_v1_tell'`,
  )
  const heard: unknown[] = []
  eye.client.on('notification', ({ payload }) => void heard.push(payload))
  await eye.client.query(`listen ${rows[0]?.channel}`)
  await endAll(other)
  await eye.client.query('select 1')
  expect(heard).toEqual([])
  const ear = await earOn(store)
  const ended = await endAll(other)
  await ear.hears(endOf(ended.at(-1)!))
  await eye.client.query('select 1')
  const told = heard.join()
  for (const key of ended) expect(told).toContain(key)
  const { rowCount } = await eye.client.query('select from sojourn_sessions_endings')
  expect(rowCount).toBe(0)
})

it.for(ways.slice(0, 2))(
  'whoever begins to watch while endings wait for a row hears of them, and makes no login wait: $name',
  async (way, context) => {
    const { store, other, eye, url } = await openBoth(context, way)
    const [key, owned] = [newKey(), newKey('ann')]
    await other.insert(key, newRecord())
    await other.insert(owned, newRecord({ subject: 'ann' }))
    await eye.client.query('begin')
    await eye.client.query('select from sojourn_sessions where key in ($1, $2) for update', [key, owned])
    const endings = [other.delete(key), other.deleteBySubject('ann')]
    await eye.waiting(2)
    const ear = await earOn(store)
    const { store: third } = await openStore(url, { schema: 'public' })
    for (const n of upTo(3)) {
      const subject = `user-${n}`
      expect((await third.insert(newKey(subject), newRecord({ subject }))).outcome).toBe('inserted')
    }
    expect(ear.heard).toEqual([])
    await eye.client.query('commit')
    expect(await Promise.all(endings)).toEqual([true, 1])
    await ear.hears(endOf(key))
    await ear.hears(endOf(owned))
  },
)

it('whoever begins to watch waits for those who saw nobody watching, and are not committed', async (context) => {
  const { store, other, eye } = await openBoth(context, ways[0]!)
  const key = newKey()
  await other.insert(key, newRecord())
  await eye.client.query('begin')
  await eye.client.query('delete from sojourn_sessions where key = $1', [key])
  await eye.client.query('select sojourn_sessions_v1_tell(array[$1])', [key])
  const watching = earOn(store)
  await eye.waiting(1)
  await eye.client.query('commit')
  const ear = await watching
  expect(await store.get(key)).toBeUndefined()
  expect(ear.heard).toEqual([])
})

describe.each(ways.filter(({ listeners }) => listeners === 1))('when the connection is cut: $name', (way) => {
  it('tells that it may have missed something, and hears again', async (context) => {
    const { store, other, eye } = await openBoth(context, way)
    const ear = await earOn(store)
    await eye.client.query(`select pg_terminate_backend(pid) from (${LISTENERS}) as listeners`)
    await ear.hears(({ kind }) => kind === 'interrupted')
    // The second one comes when it hears again.
    const two = (): boolean => ear.heard.filter(({ kind }) => kind === 'interrupted').length >= 2
    await ear.hears(two)
    const key = newKey()
    await other.insert(key, newRecord())
    await other.delete(key)
    await ear.hears(endOf(key))
  })
})

it('polling does not miss what is committed late', async (context) => {
  const { store, other, eye } = await openBoth(context, ways[1]!)
  const ear = await earOn(store)
  const [late, soon] = [newKey(), newKey()]
  await eye.client.query('begin')
  await eye.client.query('insert into sojourn_sessions_endings (key) values ($1)', [late])
  await other.insert(soon, newRecord())
  await other.delete(soon)
  await ear.hears(endOf(soon))
  // More rounds in which it is not there, though what came later is.
  for (const _ of upTo(3)) {
    const next = newKey()
    await other.insert(next, newRecord())
    await other.delete(next)
    await ear.hears(endOf(next))
  }
  await eye.client.query('commit')
  await ear.hears(endOf(late))
  expect(ear.heard).toHaveLength(5)
})

it('polling tells nothing of what ended before it began, however old the oldest transaction on the server is', async (context) => {
  const { store, other, url, eye } = await openBoth(context, ways[1]!)
  await earOn(store)
  await eye.client.query('begin')
  await eye.client.query('select pg_current_xact_id()')
  await other.clear()
  const { store: late } = await openStore(url, { schema: 'public', watch: 'poll', pollEvery: '20ms' })
  const ear = await earOn(late)
  const key = newKey()
  await other.insert(key, newRecord())
  await other.delete(key)
  await ear.hears(endOf(key))
  await eye.client.query('commit')
  expect(ear.heard).toEqual([{ kind: 'ended', key }])
})

it('goes on by polling behind a PgBouncer in transaction mode, where LISTEN hears nothing', async (context) => {
  const server = await own(context, () => startPostgres())
  const bouncer = await own(context, () => startPgbouncer(server))
  const { store } = await openStore(bouncer.url, { schema: 'public', pollEvery: '20ms' })
  const { store: other } = await openStore(server.url, { schema: 'public' })
  const beganAt = performance.now()
  const ear = await earOn(store)
  // As long as an answer takes there, many times over; not a fixed time for the slowest.
  expect(performance.now() - beganAt).toBeLessThan(2_000)
  const ended = await endAll(other)
  for (const key of ended) await ear.hears(endOf(key))
})

it('is told nothing of what ended before it began by a connection of a PgBouncer on which others had listened', async (context) => {
  const server = await own(context, () => startPostgres())
  const bouncer = await own(context, () =>
    startPgbouncer(server, { settings: { default_pool_size: '1', admin_users: 'postgres' } }),
  )
  const { store, pool } = await openStore(bouncer.url, { schema: 'public', pollEvery: '20ms' })
  const { store: other } = await openStore(server.url, { schema: 'public' })
  // It tries LISTEN, which stays behind on the only connection.
  await earOn(store)
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
  const pid = rows[0]?.pid ?? Number.NaN
  process.kill(pid, 'SIGSTOP')
  await other.clear()
  const late = postgresStore({ client: pool, schema: 'public', pollEvery: '20ms' })
  onTestFinished(() => late.close())
  const beginning = earOn(late)
  const admin = new pg.Client(bouncer.url.replace(/postgres$/, 'pgbouncer'))
  await admin.connect()
  onTestFinished(() => admin.end())
  await until('its LISTEN is on that connection', async () => {
    const servers = await admin.query<{ state: string }>('show servers')
    return servers.rows.some(({ state }) => state === 'active')
  })
  process.kill(pid, 'SIGCONT')
  const ear = await beginning
  const key = newKey()
  await other.insert(key, newRecord())
  await other.delete(key)
  await ear.hears(endOf(key))
  expect(ear.heard).toEqual([{ kind: 'ended', key }])
})

it('is interrupted by a server that is killed, rejects nothing behind the back, and hears again when it is up', async (context) => {
  const server = await own(context, () => startPostgres())
  for (const kind of ['pg, Pool', 'postgres']) {
    const { client, close } = kindOf(kind).open(server.url)
    const store = postgresStore({ client, pollEvery: '20ms' })
    onTestFinished(async () => {
      await store.close()
      await close()
    })
    await store.setup()
    const ear = await earOn(store)
    await server.kill9()
    await ear.hears(({ kind: what }) => what === 'interrupted')
    const missed = ear.heard.length
    await server.restart()
    await ear.hears(() => ear.heard.length > missed)
    const key = newKey()
    await store.insert(key, newRecord())
    expect(await store.delete(key)).toBe(true)
    await ear.hears(endOf(key))
    await ear.stop()
  }
})
