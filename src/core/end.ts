import type { StoreKey } from './key.ts'
import { MAX_HOPS, follow } from './open.ts'
import { referenceOf } from './record.ts'
import { subjectOf } from './save.ts'
import type { State } from './state.ts'
import { startOver } from './state.ts'
import type { Tombstone } from './store.ts'
import { subjectNameOf } from './subject-key.ts'

/** A dead mark outlives the requests that may still be under way with the old token, in milliseconds. */
export const DEAD_MARK_TIME = 60_000

/** Ends the session in the store first, then at the client. Harmless when there is none (CVE-2015-5963). */
export async function endState<Data extends object>(state: State<Data>, next: 'fresh' | 'ended'): Promise<void> {
  const { store, guard, emitter, config } = state.engine
  if (state.phase === 'superseded') return
  let key = state.live?.key ?? state.unreadableKey ?? (state.phase === 'degraded' ? state.presentedKey : undefined)
  let isSuperseded = false
  const subject = subjectNameOf(config.namespace, state.live?.record.subject)
  const reference = referenceOf(state.handle ?? '')
  for (let hop = 0; key !== undefined && hop <= MAX_HOPS; hop++) {
    const at = key
    const tombstone: Tombstone = { state: 'dead', expiresAt: config.now() + DEAD_MARK_TIME }
    if (await guard.call('delete', state.activity, () => store.delete(at, tombstone))) {
      emitter.emit('destroyed', { reference, ...subjectOf(subject) })
      break
    }
    // A rotation may have moved it meanwhile: a logout is final, so it ends there too.
    const found = await follow(state, at)
    isSuperseded = found === 'superseded'
    key = typeof found === 'object' ? found.key : undefined
  }
  startOver(state, isSuperseded ? 'superseded' : next)
  state.clearsToken = state.presentedKey !== undefined && !isSuperseded
}

/** The record whose data could not be read has been replaced by a new login, so its token must open nothing. */
export async function endUnreadable<Data extends object>(state: State<Data>, key: StoreKey): Promise<void> {
  const { store, guard, config } = state.engine
  const tombstone: Tombstone = { state: 'dead', expiresAt: config.now() + DEAD_MARK_TIME }
  await guard.call('delete', state.activity, () => store.delete(key, tombstone))
}
