import type { Clock } from '../../core/clock.ts'
import { pause } from '#platform'
import type { SessionRecord, Tombstone, UpdateResult } from '../../core/store.ts'
import { plainArray, textArray } from './arrays.ts'
import type { Database, Row } from './database.ts'
import type { Leave } from '../shared/lanes.ts'
import { asSessionError, held, isAboutData, isLockTimeout, isRetryable } from './errors.ts'
import type { DeleteItem, GetItem, InsertItem, Item, Kind, TouchItem, UpdateItem, Waiting } from './items.ts'
import { entryIn, keyIn, numberIn } from './rows.ts'
import type { Statements } from './statements.ts'

const ATTEMPTS = 8
const PAUSE_MS = 10

/** Sends what travels together, and settles each item. */
export interface Batches {
  readonly run: (kind: Kind, items: readonly Item[], leave: Leave<Item>) => Promise<void>
}

/** Sends items together, and gives those that were not done because another transaction holds their rows. */
type Send = (items: readonly Item[], patience: number) => Promise<readonly Item[]>

/**
 * A batch waits for no row: what another transaction holds is skipped there, and goes on alone, without a place in the lane.
 * @param longestWait milliseconds after which it fails.
 */
export function createBatches(database: Database, sql: Statements, now: Clock, longestWait: number): Batches {
  const send: Readonly<Record<Kind, Send>> = {
    get: (items) => sendGets(database, sql, now(), ofKind(items, 'get')),
    update: (items, patience) => sendUpdates(database, sql, now(), inOrder(ofKind(items, 'update')), patience),
    touch: (items, patience) => sendTouches(database, sql, now(), inOrder(ofKind(items, 'touch')), patience),
    insert: (items, patience) => sendInserts(database, sql, now(), inOrder(ofKind(items, 'insert')), patience),
    delete: (items, patience) => sendDeletes(database, sql, now(), inOrder(ofKind(items, 'delete')), patience),
    single: sendSingles,
  }
  const together = async (kind: Kind, items: readonly Item[]): Promise<readonly Item[]> => {
    try {
      return await again(() => send[kind](items, 0))
    } catch (error) {
      // Nothing of the batch was done. What cannot be stored must fail alone.
      if ((items.length > 1 && isAboutData(error)) || isHeldInsert(kind, error)) return items
      throw asSessionError(error)
    }
  }
  const alone = createSolo(send, database.width, longestWait)
  return {
    async run(kind, items, leave) {
      let left = await together(kind, items)
      // Who met the same sessions by chance has nearly always ended by the time of the answer.
      if (left.length > 1 && left !== items) left = await together(kind, left)
      for (const item of left) leave(item, alone(kind, item))
    },
  }
}

// Long enough to be next in line for a row that many want, short enough to leave no connection occupied for long.
const WAIT_MS = 500
const LONGEST_PAUSE_MS = 100

/**
 * Does single items again until their rows are free. A few of them wait in the server, which keeps the order of those who
 * wait; the others look again and again. So most connections stay free, however many rows are held.
 */
function createSolo(
  send: Readonly<Record<Kind, Send>>,
  width: number,
  longestWait: number,
): (kind: Kind, item: Item) => Promise<void> {
  let places = width < 2 ? 0 : width < 8 ? 1 : 2
  const attempt = async (kind: Kind, item: Item, patience: number): Promise<boolean> => {
    try {
      return (await again(() => send[kind]([item], patience))).length === 0
    } catch (error) {
      if (isHeldInsert(kind, error)) return false
      throw asSessionError(error)
    }
  }
  const attemptInPlace = async (kind: Kind, item: Item, patience: number): Promise<boolean> => {
    if (places === 0) return await attempt(kind, item, 0)
    places--
    try {
      return await attempt(kind, item, patience)
    } finally {
      places++
    }
  }
  return async (kind, item) => {
    const endsAt = performance.now() + longestWait
    for (let count = 1; ; count++) {
      const left = Math.ceil(endsAt - performance.now())
      if (left <= 0) throw held()
      if (await attemptInPlace(kind, item, Math.min(WAIT_MS, left))) return
      await pause(Math.random() * Math.min(PAUSE_MS * count, LONGEST_PAUSE_MS))
    }
  }
}

/** Those that insert are told by an error that somebody holds what is under their key. */
function isHeldInsert(kind: Kind, error: unknown): boolean {
  return kind === 'insert' && isLockTimeout(error)
}

/** Does it again when another transaction was in the way. */
async function again<R>(fn: () => Promise<R>): Promise<R> {
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

/** Rows are written in one order everywhere, so that two transactions do not wait for each other in a circle. */
function inOrder<T extends { readonly key: string }>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

type Batch<T> = [database: Database, sql: Statements, at: number, items: readonly T[], patience: number]
const NONE: readonly Item[] = []

async function sendSingles(items: readonly Item[]): Promise<readonly Item[]> {
  await Promise.all(ofKind(items, 'single').map((item) => item.send()))
  return NONE
}

async function sendGets(
  database: Database,
  sql: Statements,
  at: number,
  items: readonly GetItem[],
): Promise<readonly Item[]> {
  const keys = new Set(items.map(({ key }) => key))
  const rows = await database.run(sql.get, [plainArray([...keys]), String(at)])
  const found = new Map(rows.map((row) => [keyIn(row[0]), row]))
  for (const item of items) {
    const row = found.get(item.key)
    answer(item, () => (row === undefined ? undefined : entryIn(row, 1)))
  }
  return NONE
}

async function sendUpdates(...[database, sql, at, items, patience]: Batch<UpdateItem>): Promise<readonly Item[]> {
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
    String(patience),
  ])
  const told = byNumber(rows)
  const left: Item[] = []
  for (const [n, item] of items.entries()) {
    const row = told.get(n + 1)
    if (row?.[1] === null) {
      left.push(item)
      continue
    }
    answer<UpdateResult>(item, () =>
      row === undefined || row[1] === true ? { outcome: 'updated' } : lossTo(entryIn(row, 2)),
    )
    for (const follower of item.followers) answer(follower, () => lossTo(row && entryIn(row, 2)))
  }
  return left
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

async function sendTouches(...[database, sql, at, items, patience]: Batch<TouchItem>): Promise<readonly Item[]> {
  for (const item of items) item.onSend()
  const rows = await database.run(sql.touch, [
    plainArray(items.map(({ key }) => key)),
    plainArray(items.map(({ seenAt }) => seenAt)),
    plainArray(items.map(({ expiresAt }) => expiresAt)),
    String(at),
    String(patience),
  ])
  return settleDone(rows, items, ({ waiting }, isDone) => {
    for (const { resolve } of waiting) resolve(isDone)
  })
}

/** Settles those that were done or were not there, and gives those that somebody holds. */
function settleDone<T extends Item>(
  rows: readonly Row[],
  items: readonly T[],
  settle: (item: T, isDone: boolean) => void,
): readonly T[] {
  const missed = byNumber(rows)
  return items.filter((item, n) => {
    const row = missed.get(n + 1)
    if (row?.[1] === true) return true
    settle(item, row === undefined)
    return false
  })
}

// Nobody meets another under a new key, and on a busy server they wait for other things, which take less.
const INSERT_WAIT_MS = 100

async function sendInserts(...[database, sql, at, items, patience]: Batch<InsertItem>): Promise<readonly Item[]> {
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
    String(patience > 0 ? patience : INSERT_WAIT_MS),
  ])
  const taken = byNumber(rows)
  for (const [n, { resolve }] of items.entries()) {
    resolve(taken.has(n + 1) ? { outcome: 'exists' } : { outcome: 'inserted', evicted: [] })
  }
  return NONE
}

async function sendDeletes(...[database, sql, at, items, patience]: Batch<DeleteItem>): Promise<readonly Item[]> {
  const rows = await database.run(sql.delete, [
    plainArray(items.map(({ key }) => key)),
    plainArray(items.map(({ mark }) => mark?.state ?? null)),
    plainArray(items.map(({ mark }) => (mark?.state === 'moved' ? mark.to : null))),
    plainArray(items.map(({ mark }) => mark?.expiresAt ?? null)),
    String(at),
    String(patience),
  ])
  return settleDone(rows, items, ({ resolve }, isDone) => resolve(isDone))
}

/** The rows by the number of the item, which begins at 1, in their first column. */
function byNumber(rows: readonly Row[]): ReadonlyMap<number, Row> {
  return new Map(rows.map((row) => [numberIn(row[0]), row]))
}
