import type { Carried } from '../web/carrier.ts'
import type { Closing } from './late.ts'
import { absoluteEnd } from '../policy.ts'
import { tellLoss } from './lost.ts'
import { rotateState } from './replace.ts'
import type { Outcome } from '../web/response.ts'
import { pendingText } from './pending.ts'
import { saveState } from './save.ts'
import type { State } from './state.ts'
import { inTurn } from './state.ts'
import { needsTouch, recheckToken, touchState } from './touch.ts'

/**
 * Writes what there is to write, and tells what the response must carry; undefined when that is nothing. There is a
 * promise only when the store is called, so that pages which only read leave untouched. A second call writes only what
 * has changed since the first.
 * @param closing tells when the response has ended.
 */
export function commitState<Data extends object>(
  state: State<Data>,
  closing?: Closing,
): Outcome | undefined | Promise<Outcome | undefined> {
  if (state.isReadOnly) return undefined
  // A save or a login that the handler did not wait for belongs to this response all the same.
  if (state.turn !== undefined) return state.turn.then(() => commitState(state, closing))
  state.isCommitted = true
  state.late.hasLeft = false
  state.late.closing = closing
  state.engine.underWay.delete(state)
  try {
    const work = dueWork(state)
    return work === undefined ? leave(state) : inTurn(state, work).then(() => told(state))
  } catch (error) {
    return inTurn(state, async () => {
      throw error
    })
  }
}

function told<Data extends object>(state: State<Data>): Outcome | undefined {
  tellLoss(state)
  return leave(state)
}

function leave<Data extends object>(state: State<Data>): Outcome | undefined {
  const outcome = outcomeOf(state)
  state.late.hasLeft = true
  return outcome
}

function dueWork<Data extends object>(state: State<Data>): (() => Promise<unknown>) | undefined {
  state.engine.sweepWhenDue()
  tellLoss(state)
  const text = pendingText(state)
  if (isRotationDue(state)) return () => rotateState(state, state.engine.config.policy.rotationGrace)
  if (text !== undefined) return () => saveState(state, text)
  if (isReplacement(state)) return () => recheckToken(state)
  return needsTouch(state) ? () => touchState(state) : undefined
}

// A token that only began a session is known to nobody else, so nobody can have replaced it.
function isReplacement<Data extends object>({ handsToken, live }: State<Data>): boolean {
  return handsToken && live !== undefined && (live.record.version > 1 || live.record.subject !== undefined)
}

function isRotationDue<Data extends object>({ live, engine, hasResponse }: State<Data>): boolean {
  const { rotateEvery } = engine.config.policy
  if (rotateEvery === undefined || live === undefined || live.isGraceful || !hasResponse) return false
  return engine.config.now() - (live.meta.rotatedAt ?? live.record.createdAt) >= rotateEvery
}

function outcomeOf<Data extends object>(state: State<Data>): Outcome | undefined {
  const carried = carriedBy(state)
  const retired = retiredBy(state, carried !== undefined)
  if (carried === undefined && retired.length === 0 && !state.isTouched && !state.clearsSiteData) return undefined
  const headers = [...(carried?.headers ?? [])]
  if (state.clearsSiteData) headers.push(['clear-site-data', '"cache", "cookies", "storage"'])
  return {
    // First: where a client cannot tell the two apart, the one in use is to stay.
    cookies: [...retired, ...(carried?.cookies ?? [])],
    headers,
    vary: state.engine.config.vary,
  }
}

const NONE: readonly string[] = []

function retiredBy<Data extends object>({ engine, facts }: State<Data>, hands: boolean): readonly string[] {
  const carrier = engine.config.carriers.find((candidate) => candidate.retire !== undefined)
  return carrier?.retire?.(facts, hands) ?? NONE
}

function carriedBy<Data extends object>(state: State<Data>): Carried | undefined {
  const { config, emitter } = state.engine
  const { live, token, carrier, facts } = state
  // A page with the token in its links must say so each time, not only when the token is new.
  const hands = state.handsToken || carrier.isFallback
  if (!hands || live === undefined || token === undefined) return state.clearsToken ? carrier.clear(facts) : undefined
  const complaint = carrier.complaint?.(facts)
  if (complaint !== undefined) emitter.warn(complaint)
  const text = config.seal.write(token)
  const remaining = absoluteEnd(config.policy, { ...live.record, ...live.meta }) - config.now()
  const { persistent } = live.meta
  const carried = carrier.hand(text, facts, remaining, persistent)
  if (!carrier.isFallback) return carried
  // Offered beside it, so that the session goes on by the cookie as soon as the client keeps one.
  const regular = config.carriers.find((candidate) => !candidate.isFallback)?.hand(text, facts, remaining, persistent)
  return { cookies: regular?.cookies ?? [], headers: [...(carried.headers ?? []), ...(regular?.headers ?? [])] }
}
