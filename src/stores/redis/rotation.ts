import type { StoreKey } from '../../core/key.ts'
import type { RotateResult, SessionRecord, Store, SubjectCap, Tombstone } from '../../core/store.ts'
import { tagOfKey } from './keys.ts'
import { capArgs, checkPartition, insertArgs, markArgs, type Parts, placeOf, ttlUntil } from './parts.ts'
import { handlesIn, isDone, missIn, numberIn } from './replies.ts'
import { instant, instantNow, lineOf, subjectLine, textOfRecord } from './values.ts'

type Options = { readonly tombstone?: Tombstone; readonly cap?: SubjectCap }

interface Rotation {
  readonly key: StoreKey
  readonly version: number
  readonly newKey: StoreKey
  readonly record: SessionRecord
  readonly options: Options
}

/** One script where it reaches both keys, else {@link moveAcrossSlots}. */
export function rotationIn(parts: Parts): Store['rotate'] {
  return async (key, version, newKey, record, options = {}) => {
    checkPartition(newKey, record)
    const rotation = { key, version, newKey, record: { ...record }, options }
    const isOneSlot = !parts.hasSlots || tagOfKey(key) === tagOfKey(newKey)
    return await (isOneSlot ? rotate(parts, rotation) : moveAcrossSlots(parts, rotation))
  }
}

function rotate({ calls, names, now }: Parts, rotation: Rotation): Promise<RotateResult> {
  const { record, options } = rotation
  const at = now()
  const keys = [...placeOf(names, rotation.key), names.recordKey(rotation.newKey)]
  const args = [
    ...[instantNow(at), String(rotation.version), textOfRecord(record), ttlUntil(record.expiresAt, at)],
    ...[lineOf(record.handle), subjectLine(record.subject), ...capArgs(options.cap)],
    ...markArgs(options.tombstone, at),
  ]
  return calls.run('rotate', keys, args, (reply) => {
    if (Array.isArray(reply)) return { outcome: 'rotated', evicted: handlesIn(reply) }
    if (typeof reply === 'number') return { outcome: numberIn(reply) === 0 ? 'exists' : 'limit' }
    return missIn(reply)
  })
}

/**
 * A login in a Cluster: the old record and the new one lie in two slots, which no command changes at once. The new one is
 * inserted first, under a token that nobody has yet; then the old one is buried, if it still is what it was; only then is
 * the new token handed out. Old sessions above the limit end last: a login that fails must end none.
 */
async function moveAcrossSlots(parts: Parts, rotation: Rotation): Promise<RotateResult> {
  const { record, options } = rotation
  const inserted = await insertNew(parts, rotation)
  if (inserted !== 'inserted') return { outcome: inserted }
  let miss: RotateResult | undefined
  try {
    miss = await buryOld(parts, rotation)
  } catch (error) {
    // The old record may be there or not; nobody has the token of the new one.
    await removeNew(parts, rotation).catch(() => undefined)
    throw error
  }
  if (miss !== undefined) {
    await removeNew(parts, rotation)
    return miss
  }
  const { cap } = options
  if (cap?.onLimit !== 'evict-oldest' || record.subject === undefined) return { outcome: 'rotated', evicted: [] }
  return { outcome: 'rotated', evicted: await trim(parts, rotation, cap.max, record.subject) }
}

async function insertNew({ calls, names, now }: Parts, rotation: Rotation): Promise<'inserted' | 'exists' | 'limit'> {
  const { newKey, record, options } = rotation
  const cap = options.cap?.onLimit === 'reject' ? options.cap : undefined
  return await calls.run('insert', placeOf(names, newKey), insertArgs(record, cap, now()), (reply) => {
    if (Array.isArray(reply)) return 'inserted'
    return numberIn(reply) === 0 ? 'exists' : 'limit'
  })
}

async function buryOld({ calls, names, now }: Parts, rotation: Rotation): Promise<RotateResult | undefined> {
  const { key, version, options } = rotation
  const at = now()
  const args = [instantNow(at), String(version), ...markArgs(options.tombstone, at)]
  return await calls.run('end', placeOf(names, key), args, (reply) => (isDone(reply) ? undefined : missIn(reply)))
}

async function removeNew({ calls, names, now }: Parts, { newKey, record }: Rotation): Promise<void> {
  const args = [instantNow(now()), String(record.version), '', '']
  await calls.run('end', placeOf(names, newKey), args, () => undefined)
}

async function trim(
  { calls, names, now }: Parts,
  { newKey, record }: Rotation,
  max: number,
  subject: string,
): Promise<readonly string[]> {
  const [epochKey, recordKey] = placeOf(names, newKey)
  const tag = tagOfKey(newKey)
  const member = instant(record.createdAt) + recordKey.slice(recordKey.indexOf('}') + 1) + lineOf(record.handle)
  const args = [instantNow(now()), lineOf(subject), String(max), member]
  return await calls.run('trim', [epochKey, names.indexBase(tag)], args, handlesIn)
}
