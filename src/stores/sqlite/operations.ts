import type { StoreKey } from '../../core/key.ts'
import type {
  InsertResult,
  RotateResult,
  SessionRecord,
  SubjectCap,
  Tombstone,
  UpdateResult,
} from '../../core/store.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'
import { stored } from '../shared/texts.ts'
import { entryIn, handleIn, numberIn } from './rows.ts'
import type { StatementName } from './sql.ts'
import { BY_PLACE, forTable, SQL } from './sql.ts'

/** The prepared statement of that name. */
export type Statements = (name: StatementName) => SqliteStatement

/** Prepares each statement once, when it is first used. */
export function statementsOf(database: SqliteDatabase, table: string): Statements {
  const prepared = new Map<StatementName, SqliteStatement>()
  return (name) => {
    const known = prepared.get(name)
    if (known !== undefined) return known
    const statement = database.prepare(forTable(SQL[name], table))
    if (BY_PLACE.includes(name)) statement.setReturnArrays?.(true)
    prepared.set(name, statement)
    return statement
  }
}

/** What is under the key at the instant. All functions of this file run inside a transaction. */
export function entryAt(sql: Statements, key: StoreKey, at: number): SessionRecord | Tombstone | undefined {
  // A driver answers a miss with undefined or with null.
  const row = sql('get').get(key, at) ?? undefined
  return row === undefined ? undefined : entryIn(row)
}

export function insertRecord(
  sql: Statements,
  at: number,
  key: StoreKey,
  record: SessionRecord,
  cap: SubjectCap | undefined,
): InsertResult {
  if (!freeKey(sql, at, key)) return { outcome: 'exists' }
  const { version, createdAt, seenAt, expiresAt } = record
  const { handle, subject, meta, data } = textsOf(record)
  const evicted = makeRoom(sql, at, subject, cap, key)
  if (evicted === undefined) return { outcome: 'limit' }
  sql('insert').run(key, 'live', version, handle, subject, createdAt, seenAt, expiresAt, null, meta, data)
  return { outcome: 'inserted', evicted }
}

export function updateRecord(
  sql: Statements,
  at: number,
  key: StoreKey,
  version: number,
  record: SessionRecord,
): UpdateResult {
  const { seenAt, expiresAt } = record
  const { meta, data } = textsOf(record)
  if (isOne(sql('update').run(record.version, seenAt, expiresAt, meta, data, key, version, at)))
    return { outcome: 'updated' }
  return missAt(sql, at, key)
}

export function rotateRecord(
  sql: Statements,
  at: number,
  from: { readonly key: StoreKey; readonly version: number },
  to: { readonly key: StoreKey; readonly record: SessionRecord },
  options: { readonly tombstone?: Tombstone; readonly cap?: SubjectCap },
): RotateResult {
  const old = entryAt(sql, from.key, at)
  if (old?.state !== 'live' || old.version !== from.version) return missOf(old)
  if (!freeKey(sql, at, to.key)) return { outcome: 'exists' }
  const { version, createdAt, seenAt, expiresAt } = to.record
  const { handle, subject, meta, data } = textsOf(to.record)
  const evicted = makeRoom(sql, at, subject, options.cap, from.key)
  if (evicted === undefined) return { outcome: 'limit' }
  const values = [to.key, version, handle, subject, createdAt, seenAt, expiresAt, meta, data] as const
  // The row keeps its place and changes its key: there is no moment with two live rows, or with none.
  sql('move').run(...values, from.key, from.version, at)
  if (options.tombstone !== undefined) insertMark(sql, from.key, options.tombstone)
  return { outcome: 'rotated', evicted }
}

export function deleteRecord(sql: Statements, at: number, key: StoreKey, tombstone: Tombstone | undefined): boolean {
  if (!isOne(sql('delete').run(key, at))) return false
  if (tombstone !== undefined) insertMark(sql, key, tombstone)
  return true
}

/** Removes up to `limit` rows that are gone: cleared ones first, then expired ones. */
export function sweepRows(sql: Statements, at: number, limit: number): number {
  const stale = Number(sql('sweepStale').run(limit).changes)
  return stale < limit ? stale + Number(sql('sweepExpired').run(at, limit - stale).changes) : stale
}

export function isOne({ changes }: { readonly changes: number | bigint }): boolean {
  return Number(changes) === 1
}

function textsOf({ handle, subject, meta, data }: SessionRecord) {
  return {
    handle: stored(handle),
    subject: subject === undefined ? null : stored(subject),
    meta: stored(meta),
    data: stored(data),
  }
}

/** Takes away what has expired or was cleared under the key. False when something live or a mark is there. */
function freeKey(sql: Statements, at: number, key: StoreKey): boolean {
  sql('deleteAbsent').run(key, at)
  return (sql('findAny').get(key) ?? undefined) === undefined
}

/** The handles of the sessions that were ended for one more, which does not count `replaced`. Undefined: no room. */
function makeRoom(
  sql: Statements,
  at: number,
  subject: string | null,
  cap: SubjectCap | undefined,
  replaced: StoreKey,
): readonly string[] | undefined {
  if (cap === undefined || subject === null) return []
  if ((sql('isCrowded').get(subject, cap.max - 1) ?? undefined) === undefined) return []
  const others = numberIn(sql('countOthers').get(subject, at, replaced)) ?? 0
  const surplus = others + 1 - cap.max
  if (surplus <= 0) return []
  if (cap.onLimit === 'reject') return undefined
  return sql('oldestBySubject')
    .all(subject, at, replaced, surplus)
    .map((row) => {
      sql('deleteById').run(numberIn(row, 'id') ?? null, at)
      return handleIn(row)
    })
}

function insertMark(sql: Statements, key: StoreKey, mark: Tombstone): void {
  const to = mark.state === 'moved' ? mark.to : null
  sql('insert').run(key, mark.state, 0, null, null, 0, 0, mark.expiresAt, to, '', '')
}

function missAt(sql: Statements, at: number, key: StoreKey): Exclude<UpdateResult, { outcome: 'updated' }> {
  return missOf(entryAt(sql, key, at))
}

function missOf(entry: SessionRecord | Tombstone | undefined): Exclude<UpdateResult, { outcome: 'updated' }> {
  if (entry === undefined) return { outcome: 'gone' }
  return entry.state === 'live' ? { outcome: 'conflict', current: entry } : { outcome: 'gone', tombstone: entry }
}
