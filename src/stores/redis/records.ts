import type { SessionRecord, Store } from '../../core/store.ts'
import { checkPartition, insertArgs, markArgs, type Parts, placeOf, ttlUntil } from './parts.ts'
import { handlesIn, isDone, missIn, numberIn } from './replies.ts'
import { rotationIn } from './rotation.ts'
import { entryIn, instant, instantNow, lineOf } from './values.ts'

/** The operations on one session. */
export function recordsOf(parts: Parts): Omit<Store, 'name'> {
  const { calls, names, now } = parts
  return {
    get(key) {
      const [epochKey, recordKey] = placeOf(names, key)
      return calls.get(epochKey, recordKey, (value, epoch) =>
        value === undefined ? undefined : entryIn(value, epoch, now()),
      )
    },
    async insert(key, record, cap) {
      checkPartition(key, record)
      const args = insertArgs(record, cap, now())
      const isDecisive = record.subject !== undefined
      return await calls.run({ script: 'insert', keys: placeOf(names, key), args, isDecisive }, (reply) => {
        if (Array.isArray(reply)) return { outcome: 'inserted', evicted: handlesIn(reply) }
        return { outcome: numberIn(reply) === 0 ? 'exists' : 'limit' }
      })
    },
    async update(key, version, record) {
      const args = updateArgs(version, record, now())
      return await calls.step({ kind: 'update', place: placeOf(names, key), args }, (reply) =>
        isDone(reply) ? { outcome: 'updated' } : missIn(reply),
      )
    },
    async touch(key, seenAt, expiresAt) {
      const at = now()
      const args = [instantNow(at), instant(seenAt), instant(expiresAt), ttlUntil(expiresAt, at)]
      return await calls.step({ kind: 'touch', place: placeOf(names, key), args }, isDone)
    },
    rotate: rotationIn(parts),
    async delete(key, tombstone) {
      const at = now()
      const args = [instantNow(at), '', ...markArgs(tombstone, at)]
      return await calls.run({ script: 'end', keys: placeOf(names, key), args, isDecisive: true }, isDone)
    },
  }
}

function updateArgs(version: number, record: SessionRecord, at: number): readonly string[] {
  const { expiresAt, seenAt, meta, data } = record
  const times = instant(expiresAt) + instant(seenAt)
  const text = `${lineOf(meta)}\n${data}`
  return [instantNow(at), String(version), times, String(record.version), text, ttlUntil(expiresAt, at)]
}
