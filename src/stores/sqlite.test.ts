import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { lackingFor, storeCases, type StoreHarness } from '../testing/index.ts'
import { sqliteStore } from './sqlite.ts'

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
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
    await store.close()
  })
})

describe('sqliteStore with an open database of node:sqlite', () => {
  it.each(storeCases)('$name', async (storeCase) => {
    const database = new DatabaseSync(freshPath())
    database.exec('PRAGMA journal_mode = WAL')
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
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
    await store.close()
    database.close()
  })
})
