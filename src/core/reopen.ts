import { admit, contentOf, follow } from './engine/open.ts'
import type { Policy } from './policy.ts'
import { Session, stateOf } from './session.ts'
import { freshState } from './engine/state.ts'
import type { StoreNotice, WatchableStore } from './store.ts'
import { isWatchable } from './store.ts'

/**
 * For connections that outlast a request: the session as the store holds it now, found again through periodic rotations;
 * undefined when it has ended. It is another object, with data of its own, and `commit` saves them. Verbs that replace the
 * token are refused, because no response can carry it. What makes a request's token open a session decides here too: a
 * mark `moved` leads on, a mark `dead` does not, and a record that is past a limit, or cannot be read, counts as absent.
 */
export async function reopen<Data extends object>(session: Session<Data>): Promise<Session<Data> | undefined> {
  const { engine, facts, carrier, url, live } = stateOf(session)
  if (live === undefined) return undefined
  const state = freshState(engine, facts, { carrier, url, isReadOnly: false, hasResponse: false, isSaved: false })
  const found = await follow(state, live.key)
  if (typeof found !== 'object') return undefined
  await admit(state, { carrier, token: undefined, isCurrent: true }, found)
  contentOf(state)
  return state.live === undefined ? undefined : new Session(state)
}

/** Hears of endings in all processes that share the session's store; undefined where the store does not tell. */
export function watchStoreOf<Data extends object>(
  session: Session<Data>,
  listener: (notice: StoreNotice) => void,
): ReturnType<WatchableStore['watch']> | undefined {
  const { store } = stateOf(session).engine
  return isWatchable(store) ? store.watch(listener) : undefined
}

/** Whether the notice says that the record of this session has ended, or moved. */
export function isAbout<Data extends object>(notice: StoreNotice, session: Session<Data>): boolean {
  return notice.kind === 'cleared' || (notice.kind === 'ended' && notice.key === stateOf(session).live?.key)
}

/**
 * How often, in milliseconds, a session must be reopened to be found again after every periodic rotation. Its name does
 * not lead to its new key, only the mark under the old key does, and that is there for the grace only.
 */
export function reopenEvery({ rotateEvery, rotationGrace }: Policy): number {
  return rotateEvery === undefined || rotationGrace === 0 ? Infinity : Math.max(1, Math.floor(rotationGrace / 2))
}
