import type { Contest } from './contest.ts'
import { newContest } from './contest.ts'
import type { Content } from '../data/content.ts'
import type { Draft } from '../data/document.ts'
import { SessionError } from '../errors.ts'
import { endedError, lostError } from './lost.ts'
import { maxBytesOf } from './pending.ts'
import { insertState, mayBegin } from './insert.ts'
import type { State } from './state.ts'
import { inTurn, requireOneToken } from './state.ts'
import { goOn, tryAgain, writeAnswered } from './update.ts'

/**
 * Atomic read-modify-write: `change` works on a copy, and runs again on fresh data when somebody got there first,
 * another request or another part of this one. What was changed on the session before goes with it.
 */
export async function modifyState<Data extends object, R>(
  state: State<Data>,
  change: (content: Content<Data>) => R | Promise<R>,
): Promise<R> {
  let contest: Contest | undefined
  for (;;) {
    requireLife(state)
    requireOneToken(state)
    const draft = state.document.draft()
    const result = await alone(state, () => change(draft.content))
    if (await inTurn(state, () => storeDraft(state, draft))) return result
    contest ??= newContest()
    await tryAgain(contest)
  }
}

// An update inside another one makes it out of date at each attempt, and is itself done at each.
async function alone<Data extends object, R>(state: State<Data>, change: () => R | Promise<R>): Promise<R> {
  const { updating } = state.engine
  if (updating.get()?.has(state) === true) {
    throw new SessionError('unsupported', 'session.update: called inside another one; change the data it was given')
  }
  const running = new Set([state])
  try {
    return await updating.run(running, change)
  } finally {
    // What was only begun there and goes on is outside.
    running.clear()
  }
}

function requireLife<Data extends object>({ phase }: State<Data>): void {
  if (phase === 'superseded' || phase === 'gone') throw endedError(phase)
}

/** False when the draft is out of date. */
async function storeDraft<Data extends object>(state: State<Data>, draft: Draft<Data>): Promise<boolean> {
  const { document } = state
  // Also of a session that was as empty as the one which others have ended meanwhile.
  requireLife(state)
  if (!document.isBasisOf(draft)) return false
  const text = document.encode(maxBytesOf(state, state.live?.record.subject), draft.content)
  const isChanged = document.differs(text)
  if (state.phase === 'fresh') {
    if ((isChanged || state.isStarted) && mayBegin(state)) await insertState(state, { text })
  } else if (state.phase === 'live' && isChanged) {
    const result = await writeAnswered(state, text, draft.basis)
    if (result.outcome !== 'updated') {
      if (await goOn(state, result)) return false
      throw lostError(state)
    }
  }
  document.absorb(draft, text)
  return true
}
