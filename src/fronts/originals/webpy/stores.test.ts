import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { StoreKey } from '../../../core/key.ts'
import type { Store as EngineStore, UpdateResult } from '../../../core/store.ts'
import type { SqliteDatabase } from '../../../stores/sqlite.ts'
import { lackingFor, storeCases, testKey, testRecord } from '../../../testing/index.ts'
import { customSessions, memorySessions, sqliteSessions } from '../karrigell.ts'
import { DBStore } from './db-store.ts'
import type { StoredSession } from './stores.ts'
import { ShelfStore, Store } from './stores.ts'

const HOUR = 3_600_000
const SHAPE =
  'create table sessions (session_id char(128) unique not null, atime timestamp not null default current_timestamp, data text)'

/** A store as somebody writes it who has read only what `Store` says. */
class SlowStore extends Store {
  readonly texts = new Map<string, string>()

  async contains(key: string): Promise<boolean> {
    await soon()
    return this.texts.has(key)
  }

  async get(key: string): Promise<StoredSession> {
    await soon()
    return this.decode(this.texts.get(key) ?? '')
  }

  async set(key: string, value: StoredSession): Promise<void> {
    const text = this.encode(value)
    await soon()
    this.texts.set(key, text)
  }

  async delete(key: string): Promise<void> {
    await soon()
    this.texts.delete(key)
  }

  cleanup(): void {
    this.texts.clear()
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

function database(): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  db.exec(SHAPE)
  return db
}

const made: Readonly<Record<string, (now: () => number) => EngineStore>> = {
  'a store of five slow methods': (now) => new SlowStore().open(now, 86_400),
  ShelfStore: (now) => new ShelfStore(new Map()).open(now, 86_400),
  DBStore: (now) => new DBStore(database(), 'sessions').open(now, 86_400),
  'a storage with get and save': (now) => {
    const saved = new Map<string, unknown>()
    return customSessions({ get: (id) => saved.get(id), save: (id, session) => saved.set(id, session) }).open(now)
  },
  'memory that holds objects': (now) => memorySessions({ maxSessions: 100_000 }).open(now),
  'SQLite with a bound': (now) => sqliteSessions(':memory:', { maxSessions: 100_000 }).open(now),
}

describe.each(Object.entries(made))('%s', (_name, make) => {
  it.each(storeCases.map((storeCase) => [storeCase.name, storeCase] as const))('Y18: %s', async (_case, storeCase) => {
    let time = Date.UTC(2026, 0, 5, 12)
    const store = make(() => time)
    // Their own cleanup sweeps, and whole; that is tested below.
    const { sweep: _, ...rest } = { sweep: undefined, ...store }
    const isOwn = !('scan' in store)
    const harness = {
      store: isOwn ? rest : store,
      now: () => time,
      advance: async (milliseconds: number) => void (time += milliseconds),
    }
    if (lackingFor(storeCase, harness).length === 0) await storeCase.run(harness)
  })
})

describe('web.py’s stores', () => {
  it.each([
    ['ShelfStore', () => new ShelfStore(new Map())],
    ['DBStore', () => new DBStore(database(), 'sessions')],
  ])('Y19 Y20: %s cleans up what was not set for longer than the timeout, and keeps what was', async (_name, open) => {
    let time = Date.UTC(2026, 0, 5, 12)
    const own = open()
    const store = own.open(() => time, 3600)
    const keys = [testKey('old'), testKey('new')]
    await store.insert(keys[0]!, testRecord(time, 'old', { expiresAt: time + 100 * HOUR }))
    time += HOUR
    await store.insert(keys[1]!, testRecord(time, 'new', { expiresAt: time + 100 * HOUR }))
    time += 1
    const swept = await (store as EngineStore & { sweep(limit: number): Promise<unknown> }).sweep(1)
    expect(swept).toEqual({ removed: 1, isDone: true })
    expect([own.contains(keys[0]!), own.contains(keys[1]!)]).toEqual([false, true])
  })

  it('count what is damaged as absent', async () => {
    const shelf = new Map<string, unknown>()
    const store = new ShelfStore(shelf).open(Date.now, 3600)
    const key = testKey('one')
    for (const value of [
      17,
      [],
      [0, 'x'],
      [0, '[]'],
      [0, '{"state":"live"}'],
      [0, '{"state":"moved","to":"../x","expiresAt":9e99}'],
    ]) {
      shelf.set(key, value)
      expect(await store.get(key), JSON.stringify(value)).toBe(undefined)
    }
    expect((await store.insert(key, testRecord(Date.now(), 'one'))).outcome).toBe('inserted')
  })

  it('leave no session behind when the second half of a rotation fails', async () => {
    const store = new SlowStore()
    const opened = store.open(Date.now, 3600)
    const [from, to] = [testKey('from'), testKey('to')]
    const record = testRecord(Date.now(), 'one')
    await opened.insert(from, record)
    const set = store.set.bind(store)
    store.set = (key, value) => (key === from ? Promise.reject(new Error('full')) : set(key, value))
    const tombstone = { state: 'dead', expiresAt: Date.now() + HOUR } as const
    const next = { ...record, version: 2 }
    await expect(opened.rotate(from, 1, to, next, { tombstone })).rejects.toThrow('full')
    expect([await opened.get(from), await opened.get(to)]).toEqual([record, undefined])
  })

  it('Y16: DBStore keeps other processes out between what it reads and what it writes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const [mine, theirs] = [new DatabaseSync(join(folder, 'shared.db')), new DatabaseSync(join(folder, 'shared.db'))]
    onTestFinished(() => [mine, theirs].forEach((db) => db.close()))
    mine.exec(SHAPE)
    let read = (): void => undefined
    const watched: SqliteDatabase = {
      exec: (sql) => mine.exec(sql),
      close: () => mine.close(),
      prepare(sql) {
        const statement = mine.prepare(sql)
        return {
          run: (...values) => statement.run(...values),
          all: (...values) => statement.all(...values),
          get(...values) {
            const row = statement.get(...values)
            read()
            return row
          },
        }
      },
    }
    const [store, other] = [watched, theirs].map((db) => new DBStore(db, 'sessions').open(Date.now, 3600))
    // The other tries to get in between at every look that the one takes, at one in each round.
    for (const round of [1, 2, 3, 4]) {
      const [key, record] = [testKey(`round ${round}`), testRecord(Date.now(), `round ${round}`)]
      await store!.insert(key, record)
      const updates: Promise<UpdateResult>[] = []
      let looks = 0
      read = () => {
        looks += 1
        if (looks === round) updates.push(other!.update(key, 1, { ...record, version: 2, data: '{"by":"other"}' }))
      }
      updates.push(store!.update(key, 1, { ...record, version: 2, data: '{"by":"one"}' }))
      await updates[0]
      const outcomes = (await Promise.all(updates)).map(({ outcome }) => outcome)
      expect(outcomes.toSorted(), `round ${round}`).toEqual(['conflict', 'updated'])
      read = () => undefined
    }
  })

  it('Y18: encode and decode can be overridden in the stores that keep texts', async () => {
    class HiddenStore extends ShelfStore {
      override encode(value: StoredSession): string {
        return Buffer.from(super.encode(value)).toString('base64')
      }
      override decode(text: string): StoredSession {
        return super.decode(Buffer.from(text, 'base64').toString())
      }
    }
    const shelf = new Map<string, unknown>()
    const store = new HiddenStore(shelf).open(Date.now, 3600)
    const record = testRecord(Date.now(), 'one')
    await store.insert(testKey('one'), record)
    expect(JSON.stringify([...shelf.values()])).not.toContain('live')
    expect(await store.get(testKey('one'))).toEqual(record)
  })

  it('Y16: refuses a table name that is none, and a table that is not there', () => {
    expect(() => new DBStore(database(), 'sessions; drop table sessions')).toThrow(TypeError)
    expect(() => new DBStore(database(), 'others')).toThrow(/no such table/)
  })

  it('DBStore shows others the rows of web.py: an id that is no key to anything, a time, a text', async () => {
    const db = database()
    const time = Date.UTC(2026, 0, 5, 12)
    const key: StoreKey = testKey('one')
    await new DBStore(db, 'sessions').open(() => time, 3600).insert(key, testRecord(time, 'one'))
    const row = db.prepare('select * from sessions').get()
    expect(row).toMatchObject({ session_id: key, atime: '2026-01-05 12:00:00.000' })
    expect(key.length).toBeLessThanOrEqual(128)
  })
})
