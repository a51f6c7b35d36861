import type { SessionRecord, Store, SubjectStore } from '../../core/store.ts'
import { tagOfSubject } from './keys.ts'
import { checkPartition, insertArgs, markArgs, type Parts, placeOf, ttlUntil } from './parts.ts'
import { handlesIn, isDone, missIn, numberIn, recordsIn } from './replies.ts'
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
      return await calls.run('insert', placeOf(names, key), insertArgs(record, cap, now()), (reply) => {
        if (Array.isArray(reply)) return { outcome: 'inserted', evicted: handlesIn(reply) }
        return { outcome: numberIn(reply) === 0 ? 'exists' : 'limit' }
      })
    },
    async update(key, version, record) {
      return await calls.run('update', placeOf(names, key), updateArgs(version, record, now()), (reply) =>
        isDone(reply) ? { outcome: 'updated' } : missIn(reply),
      )
    },
    async touch(key, seenAt, expiresAt) {
      const at = now()
      const args = [instantNow(at), instant(seenAt), instant(expiresAt), ttlUntil(expiresAt, at)]
      return await calls.run('touch', placeOf(names, key), args, isDone)
    },
    rotate: rotationIn(parts),
    delete(key, tombstone) {
      const at = now()
      return calls.run('end', placeOf(names, key), [instantNow(at), '', ...markArgs(tombstone, at)], isDone)
    },
  }
}

function updateArgs(version: number, record: SessionRecord, at: number): readonly string[] {
  const { expiresAt, seenAt, meta, data } = record
  const times = instant(expiresAt) + instant(seenAt)
  const text = `${lineOf(meta)}\n${data}`
  return [instantNow(at), String(version), times, String(record.version), text, ttlUntil(expiresAt, at)]
}

/** The operations on all sessions of a subject: one script each. */
export function subjectsOf({ calls, names, now }: Parts): SubjectStore {
  const run = <R>(
    script: 'list' | 'count' | 'endOfSubject',
    subject: string,
    rest: readonly string[],
    read: (reply: unknown) => R,
  ): Promise<R> => {
    const tag = tagOfSubject(subject)
    const keys = [names.epochKey(tag), names.indexBase(tag)]
    return calls.run(script, keys, [instantNow(now()), lineOf(subject), ...rest], read)
  }
  return {
    listBySubject: (subject) => run('list', subject, [], recordsIn),
    countBySubject: (subject) => run('count', subject, [], numberIn),
    deleteByHandle: (subject, handle) => run('endOfSubject', subject, ['only', lineOf(handle)], isDone),
    // No handle is an empty line.
    deleteBySubject: (subject, except) =>
      run('endOfSubject', subject, ['except', except === undefined ? '' : lineOf(except)], numberIn),
  }
}
