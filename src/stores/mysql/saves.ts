import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone, UpdateResult } from '../../core/store.ts'
import type { Ask, Row } from './client.ts'
import { ANSWER, ITEM } from './save-procedure.ts'
import type { Names } from './tables.ts'
import { bytes, checkedKey, entryIn, int, numberIn } from './values.ts'

/** Somebody who waits for an answer. */
export interface Caller<R> {
  readonly settle: (result: R) => void
  readonly fail: (error: unknown) => void
}

/** Updates of one session from the same version, made in one turn: only the first can succeed. */
export interface Update {
  readonly kind: 'save'
  readonly isRead: false
  readonly key: StoreKey
  readonly keys: readonly StoreKey[]
  readonly op: 'update'
  readonly version: number
  readonly text: string
  readonly callers: Caller<UpdateResult>[]
  readonly fail: (error: unknown) => void
}

/** Touches of one session, made in one turn: the latest times stay. */
export interface Touch {
  readonly kind: 'save'
  readonly isRead: false
  readonly key: StoreKey
  readonly keys: readonly StoreKey[]
  readonly op: 'touch'
  seenAt: number
  expiresAt: number
  readonly callers: Caller<boolean>[]
  readonly fail: (error: unknown) => void
}

export type Save = Update | Touch

/** Takes the record's values at once: the caller may change it afterwards. */
export function updateOf(key: StoreKey, version: number, record: SessionRecord, caller: Caller<UpdateResult>): Update {
  const callers = [caller]
  const text = checkedKey(key) + textOf(version, record)
  return { kind: 'save', isRead: false, key, keys: [key], op: 'update', version, text, callers, fail: failing(callers) }
}

export function touchOf(key: StoreKey, seenAt: number, expiresAt: number, caller: Caller<boolean>): Touch {
  const callers = [caller]
  const keys = [checkedKey(key)]
  return { kind: 'save', isRead: false, key, keys, op: 'touch', seenAt, expiresAt, callers, fail: failing(callers) }
}

function failing(callers: readonly Caller<never>[]): (error: unknown) => void {
  return (error) => {
    for (const { fail } of callers) fail(error)
  }
}

/** About how much the save adds to a statement, in UTF-16 units. */
export function sizeOf(save: Save): number {
  return save.op === 'update' ? save.text.length : 0
}

/** One call for all of them, which concern different sessions; tells each caller. Gives those whose row is locked. */
export async function runSaves(ask: Ask, names: Names, now: number, saves: readonly Save[]): Promise<readonly Save[]> {
  const items = bytes(saves.map(packed).join(''))
  const rows = await ask(`CALL ${names.procedure('save')}(${items}, ${int(now)})`)
  const answers = new Map(rows.map((row) => [numberIn(row[0]), row]))
  const locked: Save[] = []
  for (const [n, save] of saves.entries()) {
    const answer = answers.get(n)
    if (answer !== undefined && numberIn(answer[1]) === ANSWER.locked) locked.push(save)
    else settle(save, answer)
  }
  return locked
}

// All numbers and both texts in one text: see `save` in procedures.ts.
function packed(save: Save): string {
  if (save.op === 'update') return (save.callers.length > 1 ? 'e' : 'u') + save.text
  return `t${save.key}${number(0)}${number(0)}${number(save.seenAt)}${number(save.expiresAt)}${NO_TEXTS}`
}

function textOf(from: number, { version, seenAt, expiresAt, meta, data }: SessionRecord): string {
  const numbers = number(from) + number(version) + number(seenAt) + number(expiresAt)
  return numbers + length(Buffer.byteLength(meta)) + length(Buffer.byteLength(data)) + meta + SPACE + data
}

const length = (value: number): string => String(value).padStart(ITEM.length)
const number = (value: number): string => int(value).padStart(ITEM.number)
// Between two halves of a surrogate pair: else they would join, and take another length than they have by themselves.
const SPACE = ' '
const NO_TEXTS = length(0) + length(0) + SPACE

const UPDATED: UpdateResult = { outcome: 'updated' }

/** Silence of the procedure means that a save was done, unless it was asked for the new row. */
function settle(save: Save, answer: Row | undefined): void {
  if (save.op === 'touch') return tellAll(save.callers, () => answer === undefined)
  if (answer === undefined) return tellAll(save.callers, () => UPDATED)
  const isDone = numberIn(answer[1]) === ANSWER.done
  for (const [n, caller] of save.callers.entries()) {
    // At the instant of the first one's answer there was another version than the others', or none.
    tell(caller, () => (isDone && n === 0 ? UPDATED : missIn(answer)))
  }
}

function tellAll<R>(callers: readonly Caller<R>[], result: () => R): void {
  for (const caller of callers) tell(caller, result)
}

/** Tells one caller, of what cannot be read too: that concerns neither the others nor what was done. */
export function tell<R>({ settle: tellResult, fail }: Caller<R>, result: () => R): void {
  try {
    tellResult(result())
  } catch (error) {
    fail(error)
  }
}

function missIn(answer: Row): UpdateResult {
  return answer.length > 2 ? missOf(entryIn(answer, 2)) : { outcome: 'gone' }
}

/** Why nothing was done: the record that is there instead, or the mark. */
export function missOf(entry: SessionRecord | Tombstone): Exclude<UpdateResult, { outcome: 'updated' }> {
  return entry.state === 'live' ? { outcome: 'conflict', current: entry } : { outcome: 'gone', tombstone: entry }
}
