import type { Clock } from '../../core/clock.ts'
import { pause } from '#platform'
import type { SessionRecord, Tombstone, UpdateResult } from '../../core/store.ts'
import { plainArray, textArray } from './arrays.ts'
import type { Database, Row } from './database.ts'
import { asSessionError, isAboutData, isRetryable } from './errors.ts'
import type { DeleteItem, GetItem, InsertItem, Item, Kind, TouchItem, UpdateItem, Waiting } from './items.ts'
import { entryIn, keyIn, numberIn } from './rows.ts'
import type { Statements } from './statements.ts'

const ATTEMPTS = 8
const PAUSE_MS = 10

/** Sends what travels together, and settles each item. */
export interface Batches {
  readonly run: (kind: Kind, items: readonly Item[]) => Promise<void>
}

export function createBatches(database: Database, sql: Statements, now: Clock): Batches {
  const send: Readonly<Record<Kind, (items: readonly Item[]) => Promise<void>>> = {
    get: (items) => sendGets(database, sql, now(), ofKind(items, 'get')),
    update: (items) => sendUpdates(database, sql, now(), inOrder(ofKind(items, 'update'))),
    touch: (items) => sendTouches(database, sql, now(), inOrder(ofKind(items, 'touch'))),
    insert: (items) => sendInserts(database, sql, now(), inOrder(ofKind(items, 'insert'))),
    delete: (items) => sendDeletes(database, sql, now(), inOrder(ofKind(items, 'delete'))),
    single: async (items) => void (await Promise.all(ofKind(items, 'single').map((item) => item.send()))),
  }
  return {
    async run(kind, items) {
      try {
        await again(() => send[kind](items))
      } catch (error) {
        if (items.length === 1 || !isAboutData(error)) throw asSessionError(error)
        // Nothing of the batch was done. What cannot be stored must fail alone.
        for (const item of items)
          await again(() => send[kind]([item])).catch((e: unknown) => item.fail(asSessionError(e)))
      }
    },
  }
}

/** Does it again when another transaction was in the way. */
async function again(fn: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn()
    } catch (error) {
      if (attempt === ATTEMPTS || !isRetryable(error)) throw error
      // Two that met must not meet again.
      await pause(Math.random() * PAUSE_MS * attempt)
    }
  }
}

function ofKind<K extends Kind>(items: readonly Item[], kind: K): readonly Extract<Item, { kind: K }>[] {
  return items.filter((item): item is Extract<Item, { kind: K }> => item.kind === kind)
}

/** Rows are locked in one order everywhere, so that two batches do not wait for each other in a circle. */
function inOrder<T extends { readonly key: string }>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

type Batch<T> = [database: Database, sql: Statements, at: number, items: readonly T[]]

async function sendGets(...[database, sql, at, items]: Batch<GetItem>): Promise<void> {
  const keys = new Set(items.map(({ key }) => key))
  const rows = await database.run(sql.get, [plainArray([...keys]), String(at)])
  const found = new Map(rows.map((row) => [keyIn(row[0]), row]))
  for (const item of items) {
    const row = found.get(item.key)
    answer(item, () => (row === undefined ? undefined : entryIn(row, 1)))
  }
}

async function sendUpdates(...[database, sql, at, items]: Batch<UpdateItem>): Promise<void> {
  for (const item of items) item.onSend(item)
  const rows = await database.run(sql.update, [
    plainArray(items.map(({ key }) => key)),
    plainArray(items.map(({ version }) => version)),
    plainArray(items.map(({ next }) => next.version)),
    plainArray(items.map(({ next }) => next.seenAt)),
    plainArray(items.map(({ next }) => next.expiresAt)),
    textArray(items.map(({ next }) => next.meta)),
    textArray(items.map(({ next }) => next.data)),
    plainArray(items.map(({ followers }) => followers.length > 0)),
    String(at),
  ])
  const told = byNumber(rows)
  for (const [n, item] of items.entries()) {
    const row = told.get(n + 1)
    answer<UpdateResult>(item, () =>
      row === undefined || row[1] === true ? { outcome: 'updated' } : lossTo(entryIn(row, 2)),
    )
    for (const follower of item.followers) answer(follower, () => lossTo(row && entryIn(row, 2)))
  }
}

/** Reads what one caller is told: a row that cannot be read is the trouble of that caller only. */
function answer<Result>({ resolve, fail }: Waiting<Result>, read: () => Result): void {
  let result: Result
  try {
    result = read()
  } catch (error) {
    return fail(error)
  }
  resolve(result)
}

/** What an update is told that found something else under its key than the record at its version. */
export function lossTo(entry: SessionRecord | Tombstone | undefined): Exclude<UpdateResult, { outcome: 'updated' }> {
  if (entry === undefined) return { outcome: 'gone' }
  return entry.state === 'live' ? { outcome: 'conflict', current: entry } : { outcome: 'gone', tombstone: entry }
}

async function sendTouches(...[database, sql, at, items]: Batch<TouchItem>): Promise<void> {
  for (const item of items) item.onSend()
  const rows = await database.run(sql.touch, [
    plainArray(items.map(({ key }) => key)),
    plainArray(items.map(({ seenAt }) => seenAt)),
    plainArray(items.map(({ expiresAt }) => expiresAt)),
    String(at),
  ])
  const missed = byNumber(rows)
  for (const [n, { waiting }] of items.entries()) for (const { resolve } of waiting) resolve(!missed.has(n + 1))
}

async function sendInserts(...[database, sql, at, items]: Batch<InsertItem>): Promise<void> {
  const rows = await database.run(sql.insert, [
    plainArray(items.map(({ key }) => key)),
    plainArray(items.map(({ record }) => record.version)),
    plainArray(items.map(({ record }) => record.createdAt)),
    plainArray(items.map(({ record }) => record.seenAt)),
    plainArray(items.map(({ record }) => record.expiresAt)),
    textArray(items.map(({ record }) => record.handle)),
    textArray(items.map(({ record }) => record.meta)),
    textArray(items.map(({ record }) => record.data)),
    String(at),
  ])
  const taken = byNumber(rows)
  for (const [n, { resolve }] of items.entries()) {
    resolve(taken.has(n + 1) ? { outcome: 'exists' } : { outcome: 'inserted', evicted: [] })
  }
}

async function sendDeletes(...[database, sql, at, items]: Batch<DeleteItem>): Promise<void> {
  const rows = await database.run(sql.delete, [
    plainArray(items.map(({ key }) => key)),
    plainArray(items.map(({ mark }) => mark?.state ?? null)),
    plainArray(items.map(({ mark }) => (mark?.state === 'moved' ? mark.to : null))),
    plainArray(items.map(({ mark }) => mark?.expiresAt ?? null)),
    String(at),
  ])
  const missed = byNumber(rows)
  for (const [n, { resolve }] of items.entries()) resolve(!missed.has(n + 1))
}

/** The rows by the number of the item, which begins at 1, in their first column. */
function byNumber(rows: readonly Row[]): ReadonlyMap<number, Row> {
  return new Map(rows.map((row) => [numberIn(row[0]), row]))
}
