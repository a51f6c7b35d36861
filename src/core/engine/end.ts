import type { StoreKey } from '../key.ts'
import { MAX_HOPS, follow } from './open.ts'
import { referenceOf } from '../record.ts'
import type { State } from './state.ts'
import { startOver } from './state.ts'
import { hasSubjects } from '../store.ts'
import type { SessionRecord, Tombstone } from '../store.ts'
import { subjectNameOf } from '../subject-key.ts'

// It outlives the requests that may still be under way with the old token.
const DEAD_MARK_TIME = 60_000

/** What lies under a key whose token opens nothing any more. */
export function deadMark(now: number): Tombstone {
  return { state: 'dead', expiresAt: now + DEAD_MARK_TIME }
}

/** Ends the session in the store first, then at the client. Harmless when there is none (CVE-2015-5963). */
export async function endState<Data extends object>(state: State<Data>, next: 'fresh' | 'ended'): Promise<void> {
  const { emitter, config } = state.engine
  const record = state.live?.record ?? state.lost
  let end = await endByKey(state)
  if (end !== 'ended' && record !== undefined && (await endByHandle(state, record))) end = 'ended'
  if (end === 'ended') {
    const subject = subjectNameOf(config.namespace, record?.subject)
    emitter.emit('destroyed', { reference: referenceOf(record?.handle), subject })
  }
  startOver(state, end === 'superseded' ? 'superseded' : next)
  state.isDestroyed = next === 'ended'
  state.hasLost = false
  state.lost = undefined
  const wasShown = state.presentedKey !== undefined || state.rivals.length > 0
  state.clearsToken = wasShown && end !== 'superseded'
  state.rivals = []
}

/** Ends what lives under the key that this request knows, or where a rotation has moved it meanwhile. */
async function endByKey<Data extends object>(state: State<Data>): Promise<Ending> {
  if (state.phase === 'superseded') return 'superseded'
  const { live, unreadableKey, presentedKey, phase } = state
  const key = live?.key ?? unreadableKey ?? (phase === 'degraded' ? presentedKey : undefined)
  if (key !== undefined) return endAt(state, key)
  // Whoever shows several tokens holds them all, and none of them is to open anything after a logout.
  const endings = await Promise.all(state.rivals.map((rival) => endAt(state, rival)))
  return endings.includes('ended') ? 'ended' : 'none'
}

type Ending = 'ended' | 'superseded' | 'none'

async function endAt<Data extends object>(state: State<Data>, start: StoreKey): Promise<Ending> {
  const { store, guard, config } = state.engine
  let key: StoreKey | undefined = start
  for (let hop = 0; key !== undefined && hop <= MAX_HOPS; hop++) {
    const at: StoreKey = key
    const tombstone = deadMark(config.now())
    const bury = async (isAgain: boolean): Promise<boolean> =>
      (await store.delete(at, tombstone)) || (isAgain && isSame(await store.get(at), tombstone))
    if (await guard.call('delete', state, bury)) return 'ended'
    const found = await follow(state, at)
    if (found === 'superseded') return found
    key = found?.key
  }
  return 'none'
}

/**
 * A logout is final: the session of a user ends also when its token was replaced and no mark leads to the new one. The
 * name of a session stays the same through rotation and elevation; a new login has another, and is left alone.
 */
async function endByHandle<Data extends object>(state: State<Data>, record: SessionRecord): Promise<boolean> {
  const { store, guard } = state.engine
  const { subject, handle } = record
  if (subject === undefined || !hasSubjects(store)) return false
  return guard.call('delete', state, () => store.deleteByHandle(subject, handle))
}

/** The record whose data could not be read has been replaced by a new login, so its token must open nothing. */
export async function endUnreadable<Data extends object>(state: State<Data>, key: StoreKey): Promise<void> {
  const { store, guard, config } = state.engine
  await guard.call('delete', state, () => store.delete(key, deadMark(config.now())))
}

// Two marks of one instant under one key end the same session.
function isSame(entry: SessionRecord | Tombstone | undefined, mark: Tombstone): boolean {
  return entry?.state === mark.state && entry.expiresAt === mark.expiresAt
}
