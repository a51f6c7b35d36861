import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { isSessionError } from '../core/errors.ts'
import { testKey, testRecord } from '../testing/index.ts'
import { sqliteStore, type SqliteDatabase, type SqliteStatement } from './sqlite.ts'

// The real drivers fit what the store asks of a database.
export const fits = (database: DatabaseSync): SqliteDatabase => database

const folder = mkdtempSync(join(tmpdir(), 'sojourn-sqlite-turns-'))
let files = 0
const NOW = 1_700_000_000_000
const now = (): number => NOW
const keys = Array.from({ length: 600 }, (_, n) => testKey(`k-${n}`))
const KEY = testKey('one')
const record = testRecord(NOW, 'one')
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function freshPath(): string {
  return join(folder, `${++files}.db`)
}

function openWal(path = freshPath()): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  return database
}

/** The same database, with a list of the transactions and settings that pass through it, and a fault to switch on. */
function watched(database: DatabaseSync): { seen: string[]; failing: Set<string>; database: SqliteDatabase } {
  const seen: string[] = []
  const failing = new Set<string>()
  const note = (sql: string): void => {
    if (/^(BEGIN|COMMIT|ROLLBACK|PRAGMA synchronous = )/.test(sql)) seen.push(sql)
    if (failing.has(sql)) throw new Error(`${sql} failed`)
  }
  return {
    seen,
    failing,
    database: {
      exec(sql) {
        note(sql)
        database.exec(sql)
      },
      prepare(sql) {
        const statement = database.prepare(sql)
        const run: SqliteStatement['run'] = (...values) => {
          note(sql)
          return statement.run(...values)
        }
        return { run, get: (...values) => statement.get(...values), all: (...values) => statement.all(...values) }
      },
      close: () => database.close(),
    },
  }
}

describe('turns of sqliteStore', () => {
  it('the calls of one turn make one transaction, in their order', async () => {
    const { database, seen } = watched(openWal())
    const store = sqliteStore({ database, now })
    seen.length = 0
    const results = await Promise.all([
      store.insert(KEY, record),
      store.get(KEY),
      store.update(KEY, 1, { ...record, version: 2, data: '"two"' }),
      store.update(KEY, 1, { ...record, version: 2, data: '"lost"' }),
      store.get(KEY),
    ])
    expect(results.map((result) => result && ('outcome' in result ? result.outcome : result.state))).toEqual([
      'inserted',
      'live',
      'updated',
      'conflict',
      'live',
    ])
    expect(seen).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
  })

  it('a turn that only reads takes no lock for writing, and a single read needs no transaction', async () => {
    const { database, seen } = watched(openWal())
    const store = sqliteStore({ database, now })
    seen.length = 0
    await store.get(KEY)
    expect(seen).toEqual([])
    await Promise.all(keys.slice(0, 50).map((key) => store.get(key)))
    expect(seen).toEqual(['BEGIN', 'COMMIT'])
  })

  it('a turn is bounded: what is too much for one waits for the next', async () => {
    const { database, seen } = watched(openWal())
    const store = sqliteStore({ database, now })
    seen.length = 0
    await Promise.all(keys.map((key) => store.get(key)))
    expect(seen).toEqual(['BEGIN', 'COMMIT', 'BEGIN', 'COMMIT', 'BEGIN', 'COMMIT'])
  })

  it('STORE-2: a call that cannot be done fails alone, and the others of its turn are done', async () => {
    const database = openWal()
    const store = sqliteStore({ database, now })
    await store.insert(KEY, record)
    // A disk as good as full: there is room for small records, and none for a large one.
    database.exec(
      `PRAGMA max_page_count = ${Number(Object.values(database.prepare('PRAGMA page_count').get()!)[0]) + 3}`,
    )
    const large = { ...record, version: 2, data: 'x'.repeat(1_000_000) }
    const results = await Promise.allSettled([
      store.update(KEY, 1, { ...record, version: 2, data: '"small"' }),
      store.insert(testKey('large'), large),
      store.touch(KEY, NOW + 1, record.expiresAt + 1),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const error: unknown = results[1]?.status === 'rejected' ? results[1].reason : undefined
    expect(isSessionError(error) && error.code).toBe('store-unavailable')
    expect(String(error)).toMatch(/full/)
    expect(await store.get(KEY)).toMatchObject({ data: '"small"', expiresAt: record.expiresAt + 1 })
    expect(await store.get(testKey('large'))).toBeUndefined()
  })

  it('a rotation that fails halfway leaves the old session as it was', async () => {
    const database = openWal()
    const store = sqliteStore({ database, now })
    await store.insert(KEY, record)
    database.exec(`CREATE TRIGGER broken BEFORE INSERT ON sojourn_sessions WHEN new.state = 'dead'
      BEGIN SELECT raise(ABORT, 'no marks today'); END`)
    const tombstone = { state: 'dead', expiresAt: NOW + 60_000 } as const
    const next = { ...record, version: 2 }
    const results = await Promise.allSettled([
      store.rotate(KEY, 1, testKey('two'), next, { tombstone }),
      store.insert(testKey('three'), record),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(await store.get(KEY)).toEqual(record)
    expect(await store.get(testKey('two'))).toBeUndefined()
    expect(await store.get(testKey('three'))).toEqual(record)
  })

  it('STORE-2 STORE-5: a commit that fails fails all of its turn, and the next turn works', async () => {
    const { database, failing } = watched(openWal())
    const store = sqliteStore({ database, now })
    failing.add('COMMIT')
    const calls = [store.insert(KEY, record), store.insert(testKey('two'), record), store.delete(testKey('three'))]
    const results = await Promise.allSettled(calls)
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    failing.clear()
    expect(await store.get(KEY)).toBeUndefined()
    expect((await store.insert(KEY, record)).outcome).toBe('inserted')
  })
})

describe('durability of sqliteStore', () => {
  const owned = { ...record, subject: 'ann' }
  type Store = ReturnType<typeof sqliteStore>
  const durable: [string, (store: Store) => Promise<unknown>][] = [
    ['a login', (store) => store.insert(testKey('two', 'ann'), owned)],
    ['a rotation', (store) => store.rotate(KEY, 1, testKey('two'), { ...record, version: 2 })],
    ['an ending', (store) => store.delete(KEY)],
    ['ending by handle', (store) => store.deleteByHandle('ann', 'x')],
    ['ending all of a user', (store) => store.deleteBySubject('ann')],
    ['clear', (store) => store.clear()],
  ]
  const cheap: [string, (store: Store) => Promise<unknown>][] = [
    ['a visitor without a user', (store) => store.insert(testKey('two'), record)],
    ['an update', (store) => store.update(KEY, 1, { ...record, version: 2 })],
    ['a touch', (store) => store.touch(KEY, NOW + 1, record.expiresAt + 1)],
    ['a sweep', (store) => store.sweep(10)],
  ]

  it.each(durable)('STORE-8: waits for the disk before it answers: %s', async (_name, call) => {
    const { database, seen } = watched(openWal())
    const store = sqliteStore({ database, now })
    await store.insert(KEY, record)
    seen.length = 0
    await call(store)
    expect(seen).toEqual(['PRAGMA synchronous = 2', 'BEGIN IMMEDIATE', 'COMMIT', 'PRAGMA synchronous = 1'])
  })

  it.each(cheap)('STORE-8: leaves the disk its time: %s', async (_name, call) => {
    const { database, seen } = watched(openWal())
    const store = sqliteStore({ database, now })
    await store.insert(KEY, record)
    seen.length = 0
    await call(store)
    expect(seen).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
  })

  it('gives a database that was passed in its settings back, after a fault too, and never lowers them', async () => {
    const real = openWal()
    const { database, failing, seen } = watched(real)
    real.exec('PRAGMA busy_timeout = 1234')
    const store = sqliteStore({ database, now })
    failing.add('COMMIT')
    await store.delete(KEY).catch(() => undefined)
    failing.clear()
    await store.clear()
    const settings = ['synchronous', 'busy_timeout'].map(
      (name) => Object.values(real.prepare(`PRAGMA ${name}`).get()!)[0],
    )
    expect(settings).toEqual([1, 1234])
    real.exec('PRAGMA synchronous = EXTRA')
    seen.length = 0
    await store.clear()
    await store.touch(KEY, NOW, NOW)
    expect(seen).toEqual(['BEGIN IMMEDIATE', 'COMMIT', 'BEGIN IMMEDIATE', 'COMMIT'])
  })

  it('ASVS5-7.4.5: clear is one write for a hundred thousand sessions, and none of them loads', async () => {
    const database = openWal()
    const store = sqliteStore({ database, now })
    database.exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
      INSERT INTO sojourn_sessions (key, epoch, state, version, handle, created_at, seen_at, expires_at, meta, data)
      SELECT 's1.abc.' || substr('${'A'.repeat(43)}' || i, -43), 0, 'live', 1, i, 0, 0, ${NOW + 1}, '', '' FROM n`)
    const changes = (): unknown => Object.values(database.prepare('SELECT total_changes()').get()!)[0]
    const before = Number(changes())
    await store.clear()
    expect(Number(changes()) - before).toBe(1)
    let live = 0
    for await (const page of store.scan()) live += page.length
    expect(live).toBe(0)
    expect(await store.sweep(1000)).toEqual({ removed: 1000, isDone: false })
  })

  it('DOS-17: a sweep lets the event loop go round after every few rows', async () => {
    let time = NOW
    const store = sqliteStore({ path: freshPath(), now: () => time })
    await Promise.all(keys.map((key) => store.insert(key, record)))
    time = record.expiresAt
    const state = { isSweeping: true, turns: 0 }
    const swept = store.sweep(600).finally(() => (state.isSweeping = false))
    while (state.isSweeping) {
      await turn()
      state.turns++
    }
    expect(await swept).toEqual({ removed: 600, isDone: false })
    expect(state.turns).toBeGreaterThanOrEqual(600 / 100)
    await store.close()
  })
})

describe('sqliteStore beside another process that writes', () => {
  it('waits without holding the event loop, answers reads meanwhile, and then does everything in order', async () => {
    const path = freshPath()
    const store = sqliteStore({ path, now })
    await store.insert(KEY, record)
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const settled: string[] = []
    const touched = store.touch(KEY, NOW + 1, record.expiresAt + 1).then(() => settled.push('touch'))
    const updated = store.update(KEY, 1, { ...record, version: 2 }).then(() => settled.push('update'))
    for (let n = 0; n < 20; n++) expect(await store.get(KEY)).toEqual(record)
    await turn()
    expect(settled).toEqual([])
    other.exec('COMMIT')
    const deleted = store.delete(KEY).then(() => settled.push('delete'))
    await Promise.all([touched, updated, deleted])
    expect(settled).toEqual(['touch', 'update', 'delete'])
    other.close()
    await store.close()
  })

  it('STORE-4: gives up after busyTimeout with a code and a cause, and works again afterwards', async () => {
    const path = freshPath()
    const store = sqliteStore({ path, now, busyTimeout: '20ms' })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const error: unknown = await store.insert(KEY, record).catch((reason: unknown) => reason)
    expect(isSessionError(error) && error.code).toBe('store-unavailable')
    expect(String(error)).toContain('another process keeps the file locked')
    expect((error as Error).cause).toBeInstanceOf(Error)
    other.exec('COMMIT')
    expect((await store.insert(KEY, record)).outcome).toBe('inserted')
    other.close()
    await store.close()
  })

  it('close waits for what waits for the lock', async () => {
    const path = freshPath()
    const store = sqliteStore({ path, now })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const insertion = store.insert(KEY, record)
    await turn()
    const closing = store.close()
    await turn()
    other.exec('COMMIT')
    expect((await insertion).outcome).toBe('inserted')
    await closing
    expect(other.prepare('SELECT count(*) AS n FROM sojourn_sessions').get()).toEqual({ n: 1 })
    other.close()
  })

  it('waits, too, while the owner of a database that was passed in has a transaction open', async () => {
    const database = openWal()
    const store = sqliteStore({ database, now })
    database.exec('BEGIN')
    const insertion = store.insert(KEY, record)
    await turn()
    database.exec('ROLLBACK')
    expect((await insertion).outcome).toBe('inserted')
    expect(await store.get(KEY)).toEqual(record)
  })
})
