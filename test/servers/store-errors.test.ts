// What a store rejects with is logged with all that hangs on it, so neither keys nor data may.
import { DatabaseSync } from 'node:sqlite'
import { inspect } from 'node:util'
import mysql from 'mysql2/promise'
import type pg from 'pg'
import postgres from 'postgres'
import { createClient } from 'redis'
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SubjectStore, Store } from '../../src/core/store.ts'
import { mysqlStore } from '../../src/stores/mysql.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { nextOf } from '../../src/testing/cases/fixtures.ts'
import { testKey, testRecord } from '../../src/testing/index.ts'
import { openPool as openMysql } from './support/mysql-pools.ts'
import { clientKinds, openPool } from './support/postgres-clients.ts'
import type { OpenClient as OpenPostgres } from './support/postgres-clients.ts'
import { openers } from './support/redis-clients.ts'
import { ownMariadbDatabase, ownName, ownPostgresDatabase, sharedServer } from './support/shared.ts'

const SUBJECT = 'ann-of-green-gables'
const DATA = '{"card":"4111-1111-1111-1111"}'
const META = '{"v":1,"note":"not-for-the-log"}'
const [ONE, TWO, THREE] = [testKey('one', SUBJECT), testKey('two', SUBJECT), testKey('three', SUBJECT)]
const HANDLE = testRecord(0, 'one').handle
// Drivers show what they sent as it was sent, and buffers in hexadecimal.
const SECRETS = [ONE, TWO, THREE, HANDLE, '4111-1111', 'not-for-the-log'].flatMap((secret) => [
  secret.slice(3),
  Buffer.from(secret).toString('hex').slice(6),
  Buffer.from(secret).toString('hex').slice(6).match(/../g)?.join(' ') ?? secret,
])

/** A store that refuses from a certain moment on. */
interface Spoilable {
  readonly store: Store & SubjectStore
  /** Makes the backend refuse what is asked next; several ways, one after the other. */
  readonly spoilings: readonly (() => Promise<unknown>)[]
}

const TELLTALE = `CREATE FUNCTION telltale() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'bad value "%" in %', NEW.data, NEW.key USING ERRCODE = '22P02', DETAIL = NEW.meta, HINT = NEW.handle;
END $$;
CREATE TRIGGER telltale BEFORE INSERT OR UPDATE ON sojourn_sessions FOR EACH ROW EXECUTE FUNCTION telltale()`

const debugging = {
  name: 'postgres, that is debugged',
  to: 'server',
  open: (url: string): OpenPostgres => {
    const sql = postgres(url, { onnotice: () => undefined, debug: () => undefined })
    return { client: sql, close: () => sql.end() }
  },
} as const

const onPostgres = [...clientKinds.filter(({ to }) => to === 'server'), debugging].map((kind) => ({
  name: `PostgreSQL by ${kind.name}`,
  async open(context: TestContext): Promise<Spoilable> {
    const url = await ownPostgresDatabase(context)
    const { client, close } = kind.open(url)
    const { pool, close: closePool } = openPool(url)
    onTestFinished(async () => void (await Promise.all([close(), closePool()])))
    const store = postgresStore({ client, ...('options' in kind ? kind.options : {}) })
    await store.setup()
    const sql = (text: string) => (): Promise<pg.QueryResult> => pool.query(text)
    return {
      store,
      spoilings: [
        sql('ALTER TABLE sojourn_sessions ADD CONSTRAINT c CHECK (length(data) < 5) NOT VALID'),
        sql(TELLTALE),
        sql('DROP TABLE sojourn_sessions CASCADE'),
      ],
    }
  },
}))

const onMysql = [
  {
    name: 'MariaDB',
    async open(context: TestContext): Promise<Spoilable> {
      const url = await ownMariadbDatabase(context)
      const { client, close } = openMysql(url)
      onTestFinished(close)
      const store = mysqlStore({ client })
      await store.setup()
      const sql = (text: string) => async (): Promise<void> => {
        const connection = await mysql.createConnection(url)
        try {
          await connection.query(text)
        } finally {
          await connection.end()
        }
      }
      const trigger = (event: string): string =>
        `CREATE TRIGGER telltale_${event} BEFORE ${event} ON sojourn_sessions FOR EACH ROW BEGIN ` +
        "SET @text = CONCAT('bad value ', NEW.data, NEW.store_key); SIGNAL SQLSTATE '22007' SET MESSAGE_TEXT = @text; END"
      return {
        store,
        spoilings: [
          async () => {
            await sql(trigger('INSERT'))()
            await sql(trigger('UPDATE'))()
          },
          sql('DROP TABLE sojourn_sessions'),
        ],
      }
    },
  },
]

const onRedis = openers
  .filter(({ server }) => server === 'redis')
  .map((opener) => ({
    name: `Redis by ${opener.name}`,
    async open(context: TestContext): Promise<Spoilable> {
      const url = sharedServer(context, 'redis')
      const { client, close } = await opener.open(url)
      onTestFinished(close)
      const prefix = `${ownName()}:`
      const spoil = async (): Promise<void> => {
        const admin = await createClient({ url }).connect()
        for (const key of await admin.keys(`${prefix}*`)) {
          await admin.del(key)
          await admin.rPush(key, 'another program')
        }
        admin.destroy()
      }
      return { store: redisStore({ client, prefix, onWarning: () => undefined }), spoilings: [spoil] }
    },
  }))

const onSqlite = [
  {
    name: 'SQLite',
    async open(): Promise<Spoilable> {
      const database = new DatabaseSync(':memory:')
      onTestFinished(() => database.close())
      const sql = (text: string) => async (): Promise<void> => database.exec(text)
      const trigger = "BEGIN SELECT RAISE(ABORT, 'refused'); END"
      return {
        store: sqliteStore({ database }),
        spoilings: [
          sql(
            `CREATE TRIGGER a BEFORE UPDATE ON sojourn_sessions ${trigger}; CREATE TRIGGER b BEFORE INSERT ON sojourn_sessions ${trigger}`,
          ),
          sql('DROP TABLE sojourn_sessions'),
        ],
      }
    },
  },
]

describe.each([...onPostgres, ...onMysql, ...onRedis, ...onSqlite])('the errors of $name', ({ open }) => {
  it('ASVS5-16.2.5: carry neither key, nor handle, nor data, whatever hangs on them (S9)', async (context) => {
    const { store, spoilings } = await open(context)
    const now = Date.now()
    const record = testRecord(now, 'one', { subject: SUBJECT, data: DATA, meta: META })
    await store.insert(ONE, record)
    for (const [n, spoil] of spoilings.entries()) {
      await spoil()
      const errors = await errorsOf(store, { now, record })
      expect(errors.length, `spoiling ${n}`).toBeGreaterThanOrEqual(1)
      for (const error of errors) {
        const text = inspect(error, {
          depth: Infinity,
          showHidden: true,
          maxStringLength: Infinity,
          maxArrayLength: Infinity,
        })
        for (const secret of SECRETS) expect(text, `spoiling ${n}`).not.toContain(secret)
      }
    }
  })
})

/** What the calls reject with that write or read this record. */
async function errorsOf(
  store: Store & SubjectStore,
  { now, record }: { readonly now: number; readonly record: ReturnType<typeof testRecord> },
): Promise<readonly unknown[]> {
  const next = nextOf(record, { data: DATA, meta: META })
  const tombstone = { state: 'moved', to: TWO, expiresAt: now + 60_000 } as const
  const cap = { max: 1, onLimit: 'evict-oldest' } as const
  const calls = [
    () => store.get(ONE),
    () => store.update(ONE, record.version, next),
    () => store.touch(ONE, now + 1, record.expiresAt + 1),
    () => store.insert(THREE, { ...record, handle: `${record.handle}3` }, cap),
    () => store.insert(ONE, record),
    () => store.rotate(ONE, record.version, TWO, next, { tombstone, cap }),
    () => store.listBySubject(SUBJECT),
    () => store.deleteByHandle(SUBJECT, HANDLE),
    () => store.delete(ONE, tombstone),
    () => store.deleteBySubject(SUBJECT),
  ]
  const errors: unknown[] = []
  for (const call of calls) await call().catch((error: unknown) => void errors.push(error))
  return errors
}
