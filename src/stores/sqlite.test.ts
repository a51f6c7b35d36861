import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { lackingFor, storeCases, type StoreHarness } from '../testing/index.ts'
import { sqliteStore, type SqliteDatabase } from './sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'sojourn-sqlite-'))
let files = 0
const freshPath = (): string => join(folder, `${++files}.db`)
const START = 1_700_000_000_000

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('sqliteStore with a path', () => {
  it.each(storeCases)('$name', async (storeCase) => {
    const path = freshPath()
    let time = START
    const now = (): number => time
    let store = sqliteStore({ path, now })
    const harness: StoreHarness = {
      store,
      now,
      advance: async (milliseconds) => {
        time += milliseconds
      },
      reopen: async () => {
        await store.close()
        store = sqliteStore({ path, now })
        return store
      },
    }
    const lacking = lackingFor(storeCase, harness)
    if (lacking.length === 0) await storeCase.run(harness)
    expect(lacking.filter((capability) => capability !== 'watch')).toEqual([])
    await store.close()
  })
})

interface Driver {
  readonly name: string
  readonly open: (path: string) => SqliteDatabase
}

const drivers: readonly Driver[] = [{ name: 'node:sqlite', open: (path) => new DatabaseSync(path) }, ...betterSqlite3()]

describe.each(drivers)('sqliteStore with an open database of $name', ({ open }) => {
  it.each(storeCases)('$name', async (storeCase) => {
    const database = open(freshPath())
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    let time = START
    const now = (): number => time
    let store = sqliteStore({ database, now, table: 'visits' })
    const harness: StoreHarness = {
      store,
      now,
      advance: async (milliseconds) => {
        time += milliseconds
      },
      reopen: async () => {
        await store.close()
        store = sqliteStore({ database, now, table: 'visits' })
        return store
      },
    }
    const lacking = lackingFor(storeCase, harness)
    if (lacking.length === 0) await storeCase.run(harness)
    expect(lacking.filter((capability) => capability !== 'watch')).toEqual([])
    await store.close()
    database.close()
  })
})

/** It is no dependency of this package: where it is installed, the cases run on it too. */
function betterSqlite3(): readonly Driver[] {
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => SqliteDatabase
    return [{ name: 'better-sqlite3', open: (path) => new Database(path) }]
  } catch {
    return []
  }
}
