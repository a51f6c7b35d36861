import type { StoreKey } from '../../core/key.ts'
import type { InsertResult, RotateResult, SessionRecord, SubjectCap, Tombstone } from '../../core/store.ts'
import type { Ask, Row } from './client.ts'
import { missOf } from './saves.ts'
import type { Names, ProcedureName } from './tables.ts'
import { bytes, entryIn, int, markValues, numberIn, quoted, recordValues, textIn } from './values.ts'

/** The statement that inserts. */
export function insertCall(names: Names, now: number, key: StoreKey, record: SessionRecord, cap?: SubjectCap): string {
  return call(names, 'insert', [quoted(key), recordValues(record), capValues(cap), int(now)])
}

/** The statement that rotates. */
export function rotateCall(
  names: Names,
  now: number,
  from: { readonly key: StoreKey; readonly version: number },
  to: { readonly key: StoreKey; readonly record: SessionRecord },
  options: { readonly tombstone?: Tombstone; readonly cap?: SubjectCap },
): string {
  const { tombstone, cap } = options
  const target = [quoted(to.key), recordValues(to.record)]
  const rest = [markValues(tombstone), capValues(cap), int(now)]
  return call(names, 'rotate', [quoted(from.key), int(from.version), ...target, ...rest])
}

/** The statement that deletes. */
export function deleteCall(names: Names, now: number, key: StoreKey, tombstone?: Tombstone): string {
  return call(names, 'delete', [quoted(key), markValues(tombstone), int(now)])
}

/** Which of a subject's sessions: the one of this handle, all others, or all. */
export type Which = readonly [which: 'one' | 'others', handle: string] | readonly [which: 'all']

/** The statement that ends sessions of a subject. */
export function endCall(names: Names, now: number, subject: string, [which, handle]: Which): string {
  return call(names, 'end', [bytes(subject), `'${which}'`, bytes(handle), int(now)])
}

/** The statement that ends all sessions. */
export function clearCall(names: Names): string {
  return call(names, 'clear', [])
}

/** The statement that removes what is gone. */
export function sweepCall(names: Names, now: number, limit: number): string {
  return call(names, 'sweep', [int(now), int(limit)])
}

/** How an insertion went. */
export async function insertResult(ask: Ask, sql: string): Promise<InsertResult> {
  const { outcome, evicted } = answerIn(await ask(sql))
  if (outcome === undefined) return { outcome: 'inserted', evicted }
  return { outcome: outcome === 'limit' ? 'limit' : 'exists' }
}

/** How a rotation went. */
export async function rotateResult(ask: Ask, sql: string): Promise<RotateResult> {
  const { outcome, evicted, current } = answerIn(await ask(sql))
  if (outcome === undefined) return { outcome: 'rotated', evicted }
  if (outcome === 'limit' || outcome === 'exists') return { outcome }
  return current === undefined ? { outcome: 'gone' } : missOf(entryIn(current, 1))
}

/** Whether there was something to delete. */
export async function deleteResult(ask: Ask, sql: string): Promise<boolean> {
  return answerIn(await ask(sql)).outcome === undefined
}

/** How many sessions it was. */
export async function numberResult(ask: Ask, sql: string): Promise<number> {
  const [row] = await ask(sql)
  return numberIn(row?.[1])
}

const NONE: readonly string[] = []

/** Rows are for what is out of the ordinary: no outcome means that what was asked is done. */
function answerIn(rows: readonly Row[]) {
  if (rows.length === 0) return { outcome: undefined, evicted: NONE, current: undefined }
  const evicted: string[] = []
  let outcome: string | undefined
  let current: Row | undefined
  for (const row of rows) {
    const what = textIn(row[0])
    if (what === 'evicted') evicted.push(textIn(row[1]))
    else if (what === 'current') current = row
    else outcome = what
  }
  return { outcome, evicted, current }
}

function call(names: Names, name: ProcedureName, parameters: readonly string[]): string {
  return `CALL ${names.procedure(name)}(${parameters.join(', ')})`
}

function capValues(cap: SubjectCap | undefined): string {
  return cap === undefined ? 'NULL, 0' : `${int(cap.max)}, ${cap.onLimit === 'reject' ? 1 : 0}`
}
