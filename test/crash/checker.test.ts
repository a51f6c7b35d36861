import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { fileStore } from 'sojourn/stores/file'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { testKey, testRecord } from 'sojourn/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { hashOf } from '../../src/stores/file/entry.ts'
import { pathsIn } from '../../src/stores/file/shelf.ts'
import { temporaryFolder } from '../reading-room/support/server.ts'
import type { Setting, StoreName } from './application.ts'
import { sessionsAt } from './application.ts'
import { damageIn } from './inspect.ts'
import type { Contents, Deed, Found, FindingKind } from './ledger.ts'
import { createLedger } from './ledger.ts'

const anna: Contents = { reader: 'Anna', count: 3, cart: { walden: 2 }, notices: 1 }
const count: Deed = [(before) => ({ ...before, count: before.count + 1 }), (before) => ({ ...before, notices: 0 })]
const end: Deed = [() => undefined]

/** What a comparison complains about, of a session of Anna's with deeds that were answered and deeds that were not. */
function complaints(
  found: Found,
  answered: readonly Deed[] = [],
  unanswered: readonly Deed[] = [],
): readonly FindingKind[] {
  const ledger = createLedger()
  const entry = ledger.add('cookie', anna)
  for (const deed of answered) ledger.begin('deed', [[entry, deed]])()
  for (const deed of unanswered) ledger.begin('deed', [[entry, deed]])
  ledger.compare(entry, found)
  return ledger.findings.map(({ kind }) => kind)
}

describe('the comparison', () => {
  it.each<[string, Found, FindingKind]>([
    ['a sign-in that opens nothing', undefined, 'sign-in lost'],
    ['the page of another user', { ...anna, reader: 'Bob' }, 'someone else'],
    ['an older count', { ...anna, count: 2 }, 'count lost'],
    ['a cart without a line', { ...anna, cart: {} }, 'cart lost'],
    ['a message that is gone', { ...anna, notices: 0 }, 'notice lost'],
    ['a count that nobody asked for', { ...anna, count: 4 }, 'too much'],
  ])('complains about %s', (_what, found, kind) => {
    expect(complaints(found)).toEqual([kind])
  })

  it('complains when what was answered is missing, and when an ended session opens', () => {
    expect(complaints(anna, [count])).toEqual(['count lost'])
    expect(complaints(anna, [end])).toEqual(['revived'])
    expect(complaints(undefined, [end])).toEqual([])
  })

  it('accepts of what was not answered nothing, all, or the writes up to one; and each only once', () => {
    const halfway = { ...anna, count: 4 }
    const whole = { ...halfway, notices: 0 }
    for (const found of [anna, halfway, whole]) expect(complaints(found, [], [count])).toEqual([])
    expect(complaints({ ...anna, notices: 0 }, [], [count])).toEqual(['notice lost'])
    expect(complaints({ ...halfway, count: 5 }, [], [count])).toEqual(['too much'])
    expect(complaints({ ...whole, count: 5 }, [], [count, count])).toEqual([])
    expect(complaints(undefined, [], [count, end])).toEqual([])
  })

  it('complains when of two sessions that were to end together one still lives', () => {
    const ledger = createLedger()
    const [here, one, other] = ['here', 'one', 'other'].map((cookie) => ledger.add(cookie, anna))
    ledger.begin('sign-out of others', [
      [here!, end],
      [one!, end],
      [other!, end],
    ])
    ledger.compare(here!, anna)
    ledger.compare(one!, undefined)
    ledger.compare(other!, anna)
    ledger.compareGroups()
    expect(ledger.findings.map(({ kind }) => kind)).toEqual(['half ended'])
  })
})

describe('the search for damage', () => {
  const settingFor = (store: StoreName): Setting => {
    const folder = temporaryFolder()
    onTestFinished(() => folder.remove())
    return { store, dataFolder: folder.path }
  }
  const fill = async (store: Store): Promise<void> => {
    for (let n = 0; n < 50; n++) await store.insert(testKey(`${n}`), testRecord(Date.now(), `${n}`))
  }

  it('finds a session file that is half-written, or whose data is', async () => {
    const setting = settingFor('file')
    const store = fileStore({ directory: sessionsAt(setting) })
    await fill(store)
    await store.insert(testKey('bad'), testRecord(Date.now(), 'bad', { data: '{"n":' }))
    await store.close()
    truncateSync(pathsIn(sessionsAt(setting)).recordOf(hashOf(testKey('7'))), 40)
    expect(damageIn(setting, 0)).toHaveLength(2)
  })

  it('finds a page of the database that was not written as it should be', async () => {
    const setting = settingFor('sqlite')
    const store = sqliteStore({ path: sessionsAt(setting) })
    await fill(store)
    await store.close()
    expect(damageIn(setting, 0)).toEqual([])
    const bytes = readFileSync(sessionsAt(setting))
    bytes.fill(0, bytes.length - 4096)
    writeFileSync(sessionsAt(setting), bytes)
    expect(damageIn(setting, 0)).not.toEqual([])
  })
})
