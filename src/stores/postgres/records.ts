import type { Clock } from '../../core/clock.ts'
import type { StoreKey } from '../../core/key.ts'
import type { InsertResult, RotateResult, Store, SubjectCap, Tombstone, UpdateResult } from '../../core/store.ts'
import { lossTo } from './batches.ts'
import type { Row, Value } from './database.ts'
import { storedRecord, type StoredRecord, type TouchItem, type UpdateItem } from './items.ts'
import type { Queue } from './queue.ts'
import { damaged, entryIn, handlesIn } from './rows.ts'
import type { Statements } from './statements.ts'

/** The methods that every store has. */
export function recordsIn(queue: Queue, sql: Statements, now: Clock): Omit<Store, 'name'> {
  return {
    get: (key) => queue.add((resolve, fail) => ({ kind: 'get', keys: [key], isRead: true, key, resolve, fail })),
    insert(key, record, cap) {
      const own = storedRecord(record)
      return own.subject === null ? insertPlain(queue, key, own) : admit(queue, sql, now, key, own, cap)
    },
    update: updates(queue),
    touch: touches(queue),
    rotate(key, version, newKey, record, options = {}) {
      const own = storedRecord(record)
      return rotate(queue, sql, now, { key, version, newKey, own, ...options })
    },
    delete(key, tombstone) {
      const mark = tombstone && { ...tombstone }
      return queue.add((resolve, fail) => ({ kind: 'delete', keys: [key], isRead: false, key, mark, resolve, fail }))
    },
  }
}

function insertPlain(queue: Queue, key: StoreKey, record: StoredRecord): Promise<InsertResult> {
  return queue.add((resolve, fail) => ({ kind: 'insert', keys: [key], isRead: false, key, record, resolve, fail }))
}

function admit(
  ...[queue, sql, now, key, record, cap]: [Queue, Statements, Clock, StoreKey, StoredRecord, SubjectCap | undefined]
): Promise<InsertResult> {
  return queue.single([key, subjectLane(record.subject ?? '')], async (run) => {
    const [row = []] = await run(sql.admit, [key, ...valuesOf(record), ...capValues(record, cap), String(now())])
    const [outcome, evicted] = row
    if (outcome === 'inserted') return { outcome, evicted: handlesIn(evicted) }
    if (outcome === 'exists' || outcome === 'limit') return { outcome }
    throw damaged()
  })
}

interface Rotation {
  readonly key: StoreKey
  readonly version: number
  readonly newKey: StoreKey
  readonly own: StoredRecord
  readonly tombstone?: Tombstone
  readonly cap?: SubjectCap
}

function rotate(queue: Queue, sql: Statements, now: Clock, rotation: Rotation): Promise<RotateResult> {
  const { key, version, newKey, own, tombstone, cap } = rotation
  const mark = tombstone && { ...tombstone }
  const limit = capValues(own, cap)
  const lanes = own.subject === null ? [key, newKey] : [key, newKey, subjectLane(own.subject)]
  return queue.single(lanes, async (run) => {
    const [row = []] = await run(sql.rotate, [
      key,
      String(version),
      newKey,
      ...valuesOf(own),
      ...markValues(mark),
      ...limit,
      String(now()),
    ])
    return rotateResultIn(row)
  })
}

function rotateResultIn(row: Row): RotateResult {
  const [outcome, evicted] = row
  if (outcome === 'rotated') return { outcome, evicted: handlesIn(evicted) }
  if (outcome === 'exists' || outcome === 'limit') return { outcome }
  if (outcome === 'gone' || outcome === 'conflict') return lossTo(entryIn(row, 2))
  throw damaged()
}

/** Of the updates of one turn from one version, the first goes to the database and the rest share its answer. */
function updates(queue: Queue): Store['update'] {
  const waiting = new Map<StoreKey, UpdateItem>()
  return (key, version, record) => {
    const first = waiting.get(key)
    if (first?.version === version) {
      return new Promise((resolve, fail) => void first.followers.push({ resolve, fail }))
    }
    const next = storedRecord(record)
    return queue.add<UpdateResult>((resolve, reject) => {
      const followers: UpdateItem['followers'] = []
      const fail = (error: unknown): void => {
        for (const caller of [{ fail: reject }, ...followers]) caller.fail(error)
      }
      const onSend = (item: UpdateItem): void => void (waiting.get(key) === item && waiting.delete(key))
      const item = {
        kind: 'update',
        keys: [key],
        isRead: false,
        key,
        version,
        next,
        followers,
        resolve,
        fail,
        onSend,
      } as const
      waiting.set(key, item)
      return item
    })
  }
}

/** The touches of one session in one turn are one touch, to the latest of their times. */
function touches(queue: Queue): Store['touch'] {
  const open = new Map<StoreKey, TouchItem>()
  return (key, seenAt, expiresAt) => {
    const first = open.get(key)
    if (first !== undefined) {
      first.seenAt = Math.max(first.seenAt, seenAt)
      first.expiresAt = Math.max(first.expiresAt, expiresAt)
      return new Promise((resolve, fail) => void first.waiting.push({ resolve, fail }))
    }
    return queue.add<boolean>((resolve, reject) => {
      const waiting: TouchItem['waiting'] = [{ resolve, fail: reject }]
      const fail = (error: unknown): void => {
        for (const caller of waiting) caller.fail(error)
      }
      const onSend = (): void => void open.delete(key)
      const item: TouchItem = {
        kind: 'touch',
        keys: [key],
        isRead: false,
        key,
        seenAt,
        expiresAt,
        waiting,
        fail,
        onSend,
      }
      open.set(key, item)
      return item
    })
  }
}

/** The lane of what concerns all of a subject's sessions; no key looks like it. */
export function subjectLane(subject: string): string {
  return `subject ${subject}`
}

function valuesOf(record: StoredRecord): readonly Value[] {
  const { version, createdAt, seenAt, expiresAt, handle, subject, meta, data } = record
  return [String(version), String(createdAt), String(seenAt), String(expiresAt), handle, subject, meta, data]
}

function markValues(mark: Tombstone | undefined): readonly Value[] {
  if (mark === undefined) return [null, null, null]
  return [mark.state, mark.state === 'moved' ? mark.to : null, String(mark.expiresAt)]
}

function capValues({ subject }: StoredRecord, cap: SubjectCap | undefined): readonly Value[] {
  return cap === undefined || subject === null ? [null, null] : [String(cap.max), cap.onLimit]
}
