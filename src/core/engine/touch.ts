import { follow } from './open.ts'
import { expiryAt, isTouchDue } from '../policy.ts'
import type { State } from './state.ts'
import { confirm, relocate } from './update.ts'

/**
 * Between a login or rotation in the handler and the end of the request others may have ended the session, or replaced
 * its token again: then it is not handed out, for it would overwrite a newer one in the browser (COOKIE-13).
 */
export async function recheckToken<Data extends object>(state: State<Data>): Promise<void> {
  const { store, guard } = state.engine
  const { live } = state
  if (live === undefined) return
  const entry = await guard.call('get', state, () => store.get(live.key))
  if (entry?.state !== 'live') await relocate(state, entry)
}

/** Writes down that the session is in use, if that is due. Failure costs nothing but an earlier end. */
export async function touchState<Data extends object>(state: State<Data>): Promise<void> {
  const { config, store, guard, touching } = state.engine
  const { live } = state
  const now = config.now()
  if (live === undefined || touching.has(live.key)) return
  touching.add(live.key)
  const expiresAt = Math.max(live.record.expiresAt, expiryAt(config.policy, { ...live.record, ...live.meta }, now))
  try {
    const isLive = await guard.call('touch', state, () => store.touch(live.key, now, expiresAt))
    if (isLive) confirm(state, { ...live, record: { ...live.record, seenAt: now, expiresAt } })
    else if (typeof (await follow(state, live.key)) !== 'object') await relocate(state, undefined)
  } catch {
    // The guard has told of it; the page is good, and the session only ends somewhat earlier.
  } finally {
    touching.delete(live.key)
  }
}

/** Whether {@link touchState} has something to do. */
export function needsTouch<Data extends object>(state: State<Data>): boolean {
  const { live, engine, isOutdated } = state
  return (
    live !== undefined && (isOutdated || isTouchDue(engine.config.policy, live.record, live.meta, engine.config.now()))
  )
}
