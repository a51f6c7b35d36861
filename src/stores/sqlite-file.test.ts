import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { ensurePart } from '../../scripts/parts.ts'
import { isSessionError } from '../core/errors.ts'
import { testKey, testRecord } from '../testing/index.ts'
import { sqliteStore, type SqliteStoreOptions } from './sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'sojourn-sqlite-file-'))
let files = 0
const freshPath = (): string => join(folder, `${++files}.db`)
const NOW = 1_700_000_000_000
const now = (): number => NOW
const KEY = testKey('one', 'ann')
const record = testRecord(NOW, 'one', { subject: 'ann', data: '{"cart":["tea"]}' })

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the options of sqliteStore', () => {
  it.each(['s"; drop table x;--', '', 'a b', '1st', 'sqlite_stat', 'a.b', 'x'.repeat(64), 'ä', 'a\n'])(
    'VULN-20: a table named %j is refused at construction',
    (table) => expect(() => sqliteStore({ path: freshPath(), table })).toThrow(TypeError),
  )

  it('asks for either a path or a database, and for a duration with its unit', () => {
    const wrong: readonly unknown[] = [
      {},
      { path: freshPath(), database: new DatabaseSync(':memory:') },
      { path: '' },
      { path: 7 },
      { database: {} },
      { path: freshPath(), busyTimeout: 500 },
      { path: freshPath(), busyTimeout: '5 seconds' },
    ]
    for (const options of wrong) expect(() => sqliteStore(options as SqliteStoreOptions)).toThrow(TypeError)
  })
})

describe('the file of sqliteStore', () => {
  it('that was there and lets every user read or change it, or replace it in its folder, is told of (S11)', async () => {
    const told = async (fileMode: number, folderMode: number): Promise<readonly string[]> => {
      const place = join(folder, `modes-${++files}`)
      mkdirSync(place)
      const path = join(place, 'sessions.db')
      writeFileSync(path, '')
      chmodSync(path, fileMode)
      chmodSync(place, folderMode)
      const warnings: string[] = []
      await sqliteStore({ path, now, onWarning: (message) => void warnings.push(message.replace(place, '')) }).close()
      return warnings
    }
    expect(await told(0o600, 0o700)).toEqual([])
    // A group is somebody's choice, and others may look at names.
    expect(await told(0o660, 0o755)).toEqual([])
    // Nobody replaces what is another's in a folder like /tmp.
    expect(await told(0o600, 0o1777)).toEqual([])
    expect(await told(0o644, 0o755)).toEqual([
      'sqlite: every user of this machine may read the sessions in /sessions.db; take that right away: chmod o-rwx',
    ])
    expect(await told(0o666, 0o777)).toEqual([
      'sqlite: every user of this machine may change the sessions in /sessions.db; take that right away: chmod o-rwx',
      expect.stringMatching(/^sqlite: every user of this machine may replace the sessions in the folder .*chmod o-w$/),
    ])
  })

  it('in memory, or made by the store, is not told of, and what hears it must be a function (S11)', () => {
    const heard: string[] = []
    const onWarning = (message: string): void => void heard.push(message)
    for (const path of [':memory:', freshPath()]) sqliteStore({ path, onWarning })
    expect(heard).toEqual([])
    expect(() => sqliteStore({ path: freshPath(), onWarning: 'log' as never })).toThrow(/^sqliteStore: onWarning: /)
  })

  it('is made with its folder, for its owner only', async () => {
    const path = join(folder, 'deep', 'er', 'sessions.db')
    const store = sqliteStore({ path, now })
    await store.insert(KEY, record)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700)
    await store.close()
  })

  it('is named in a clear error when it cannot be made or is no database', () => {
    const file = freshPath()
    writeFileSync(file, 'this is no database, and long enough for SQLite to look at it'.repeat(20))
    expect(() => sqliteStore({ path: join(file, 'below', 'a.db') })).toThrow(/cannot be made or written: .*ENOTDIR/)
    expect(() => sqliteStore({ path: file })).toThrow(/not a database/)
    expect(() => sqliteStore({ path: folder })).toThrow(/cannot be opened/)
  })

  it('is refused when a newer version made its table, and stays as it is', async () => {
    const path = freshPath()
    const store = sqliteStore({ path, now })
    await store.insert(KEY, record)
    await store.close()
    const database = new DatabaseSync(path)
    database.exec('UPDATE sojourn_sessions_meta SET schema = 99')
    expect(() => sqliteStore({ path })).toThrow(/schema 99, and this version of sojourn knows 1; upgrade sojourn/)
    expect(database.prepare('SELECT count(*) AS n FROM sojourn_sessions').get()).toEqual({ n: 1 })
    database.close()
  })

  it('is refused when its table is somebody else’s', () => {
    const path = freshPath()
    const database = new DatabaseSync(path)
    database.exec('CREATE TABLE sojourn_sessions (sid TEXT)')
    expect(() => sqliteStore({ path })).toThrow(/table "sojourn_sessions" cannot be made: .*already exists/)
    expect(database.prepare('SELECT count(*) AS n FROM sqlite_master').get()).toEqual({ n: 1 })
    database.close()
  })

  it('may hold several tables, of which each has its own sessions', async () => {
    const path = freshPath()
    const [shop, admin] = [sqliteStore({ path, now, table: 'shop' }), sqliteStore({ path, now, table: 'admin' })]
    await shop.insert(KEY, record)
    expect(await admin.get(KEY)).toBeUndefined()
    await admin.insert(KEY, { ...record, data: '"admin"' })
    await shop.clear()
    expect(await shop.get(KEY)).toBeUndefined()
    expect(await admin.get(KEY)).toMatchObject({ data: '"admin"' })
    await shop.close()
    await admin.close()
  })

  it('P21: loses an expired record as soon as somebody asks for it, without a sweep', async () => {
    const path = freshPath()
    let time = NOW
    const store = sqliteStore({ path, now: () => time })
    await store.insert(KEY, record)
    time = record.expiresAt
    expect(await store.get(KEY)).toBeUndefined()
    await store.close()
    const database = new DatabaseSync(path)
    expect(database.prepare('SELECT count(*) AS n FROM sojourn_sessions').get()).toEqual({ n: 0 })
    database.close()
  })

  it('can be read with the sqlite3 tool, by the queries of the documentation', async () => {
    const part = await ensurePart('sqlite3')
    const path = freshPath()
    const store = sqliteStore({ path, now })
    await store.insert(KEY, record)
    await store.insert(testKey('two'), testRecord(NOW, 'two', { expiresAt: NOW - 1 }))
    const page = readFileSync(new URL('../../docs/sqlite.md', import.meta.url), 'utf8')
    const queries = [...page.matchAll(/```sql\n([^`]+)```/g)].map(([, sql = '']) => sql)
    expect(queries.length).toBeGreaterThanOrEqual(3)
    expect(part).toHaveProperty('path')
    if (!('path' in part)) return
    const atTestTime = `UPDATE sojourn_sessions SET expires_at = (unixepoch() + 900) * 1000 WHERE subject = 'ann';`
    expect(spawnSync(part.path, [path, atTestTime], { encoding: 'utf8' }).stderr).toBe('')
    for (const query of queries) {
      const { stdout, stderr } = await promisify(execFile)(part.path, ['-json', path, query])
      expect(stderr).toBe('')
      expect(stdout).toContain('ann')
      expect(stdout).not.toContain('handle-two')
    }
    await store.close()
  })
})

describe('what a closed or broken sqliteStore says', () => {
  it('fails with a code and the cause when the database is gone, and not with the data', async () => {
    const database = new DatabaseSync(freshPath())
    const store = sqliteStore({ database, now })
    database.close()
    const error = await store.insert(KEY, record).catch((reason: unknown) => reason)
    expect(isSessionError(error) && error.code).toBe('store-unavailable')
    expect((error as Error).cause).toBeInstanceOf(Error)
    expect(String(error)).not.toContain('tea')
  })

  it('says that a row was edited by hand, instead of giving half a session', async () => {
    const path = freshPath()
    const store = sqliteStore({ path, now })
    await store.insert(KEY, record)
    const database = new DatabaseSync(path)
    database.exec('UPDATE sojourn_sessions SET handle = NULL')
    database.close()
    await expect(store.get(KEY)).rejects.toMatchObject({ code: 'undecodable' })
    await store.close()
  })

  it('leaves a database open that was passed in', async () => {
    const database = new DatabaseSync(':memory:')
    const store = sqliteStore({ database, now })
    await store.insert(KEY, record)
    await store.close()
    expect(database.prepare('SELECT count(*) AS n FROM sojourn_sessions').get()).toEqual({ n: 1 })
    database.close()
  })
})
