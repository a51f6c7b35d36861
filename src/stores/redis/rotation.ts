import type { StoreKey } from '../../core/key.ts'
import type { RotateResult, SessionRecord, Store, SubjectCap, Tombstone } from '../../core/store.ts'
import { tagOfKey } from './keys.ts'
import { checkPartition, insertArgs, markArgs, type Parts, placeOf } from './parts.ts'
import { handlesIn, isDone, missIn, numberIn } from './replies.ts'
import { entryIn, instantNow, lineOf } from './values.ts'

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
  const [clock = '', ...successor] = insertArgs(record, options.cap, at)
  const args = [clock, String(rotation.version), ...successor, ...markArgs(options.tombstone, at)]
  return calls.run({ script: 'rotate', keys, args, isDecisive: true }, (reply) => {
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
  // The answer of an attempt before may have been lost, before the old one was buried or after.
  const isRepeated = inserted === 'exists' && (await isInserted(parts, rotation))
  if ((inserted === 'exists' && !isRepeated) || inserted === 'limit') return refusal(parts, rotation, inserted)
  let miss: RotateResult | undefined
  try {
    miss = await buryOld(parts, rotation)
  } catch (error) {
    // The old record may be there or not; nobody has the token of the new one.
    await removeNew(parts, rotation).catch(() => undefined)
    throw error
  }
  if (miss !== undefined) {
    // Gone, for one who asks again, may be that attempt's own doing: then the new one is all that there is.
    if (!isRepeated || miss.outcome === 'conflict') await removeNew(parts, rotation)
    return miss
  }
  const { cap } = options
  // What an attempt before was told of the user's sessions, nobody knows any more.
  const isCrowded = isRepeated || inserted === 'crowded'
  if (!isCrowded || cap?.onLimit !== 'evict-oldest' || record.subject === undefined) {
    return { outcome: 'rotated', evicted: [] }
  }
  return { outcome: 'rotated', evicted: await trim(parts, rotation, cap.max, record.subject) }
}

/** `crowded`: inserted, and the user may have more sessions now than the cap allows. */
async function insertNew(
  { calls, names, now }: Parts,
  rotation: Rotation,
): Promise<'inserted' | 'crowded' | 'exists' | 'limit'> {
  const { newKey, record, options } = rotation
  const { cap } = options
  const args = insertArgs(record, cap?.onLimit === 'evict-oldest' ? { ...cap, onLimit: 'later' } : cap, now())
  return await calls.run({ script: 'insert', keys: placeOf(names, newKey), args, isDecisive: true }, (reply) => {
    if (Array.isArray(reply)) return reply.length > 0 ? 'crowded' : 'inserted'
    return numberIn(reply) === 0 ? 'exists' : 'limit'
  })
}

/** That the old session is not what it was comes before what is wrong with the new one. */
async function refusal(parts: Parts, rotation: Rotation, outcome: 'exists' | 'limit'): Promise<RotateResult> {
  const old = await read(parts, rotation.key)
  if (old?.state !== 'live') return { outcome: 'gone', ...(old !== undefined && { tombstone: old }) }
  return old.version === rotation.version ? { outcome } : { outcome: 'conflict', current: old }
}

function read({ calls, names, now }: Parts, key: StoreKey): Promise<SessionRecord | Tombstone | undefined> {
  return calls.get(...placeOf(names, key), (value, epoch) =>
    value === undefined ? undefined : entryIn(value, epoch, now()),
  )
}

/** Whether what lies under the new key is what this rotation puts there: handles are used once. */
async function isInserted(parts: Parts, { newKey, record }: Rotation): Promise<boolean> {
  const found = await read(parts, newKey)
  return found?.state === 'live' && found.handle === record.handle && found.version === record.version
}

async function buryOld({ calls, names, now }: Parts, rotation: Rotation): Promise<RotateResult | undefined> {
  const { key, version, options } = rotation
  const at = now()
  const args = [instantNow(at), String(version), ...markArgs(options.tombstone, at)]
  return await calls.run({ script: 'end', keys: placeOf(names, key), args, isDecisive: true }, (reply) =>
    isDone(reply) ? undefined : missIn(reply),
  )
}

async function removeNew({ calls, names, now }: Parts, { newKey, record }: Rotation): Promise<void> {
  const args = [instantNow(now()), String(record.version), '', '']
  await calls.run({ script: 'end', keys: placeOf(names, newKey), args }, () => undefined)
}

async function trim(
  { calls, names, now }: Parts,
  { newKey }: Rotation,
  max: number,
  subject: string,
): Promise<readonly string[]> {
  const [epochKey, recordKey] = placeOf(names, newKey)
  const tag = tagOfKey(newKey)
  const args = [instantNow(now()), lineOf(subject), String(max), recordKey.slice(recordKey.indexOf('}') + 1)]
  const keys = [epochKey, names.indexBase(tag)]
  return await calls.run({ script: 'trim', keys, args, isDecisive: true }, handlesIn)
}
