import { SessionError } from '../errors.ts'
import { pendingText } from './pending.ts'
import type { State } from './state.ts'

/** The error for an operation whose session has ended meanwhile. */
export function endedError(code: 'gone' | 'superseded'): SessionError {
  return code === 'gone'
    ? new SessionError('gone', 'session: it ended meanwhile; nothing was written')
    : new SessionError('superseded', 'session: its token was replaced; nothing was written, send the request again')
}

/** The error for changes that met the end of their session. Where a save was not answered, they may be stored all the same. */
export function lostError<Data extends object>(state: State<Data>): SessionError {
  const isKnown = state.unanswered.length === 0
  state.unanswered = []
  if (isKnown) return endedError('gone')
  return new SessionError(
    'store-unavailable',
    'session: it ended after a save that was not answered; whether that was done cannot be known',
  )
}

/** Remembers, when the session is found to have ended, that there is something which can never be stored. */
export function noteLoss<Data extends object>(state: State<Data>): void {
  state.hasLost ||= hasPending(state)
  state.idle = undefined
}

/**
 * Tells, once, of changes that others have made impossible to store: they ended the session, or replaced its token, at the
 * same time or just before. What follows a `destroy` of this very request is dropped as it asked.
 * @throws SessionError `gone` or `superseded`.
 */
export function tellLoss<Data extends object>(state: State<Data>): void {
  const { hasLost, phase, isDestroyed } = state
  const isOver = (phase === 'gone' || phase === 'superseded') && !isDestroyed
  if (!hasLost && !(isOver && isChanged(state))) return
  state.hasLost = false
  state.idle = undefined
  state.document.reset()
  throw hasLost || phase === 'gone' ? lostError(state) : endedError('superseded')
}

/** To start a session is no change: pages with a form do it, and are shown all the same. */
export function isChanged<Data extends object>({ document, idle }: State<Data>): boolean {
  return idle !== undefined || (document.isOpen && document.differs(document.encode(Infinity)))
}

function hasPending<Data extends object>(state: State<Data>): boolean {
  try {
    return pendingText(state) !== undefined
  } catch {
    // What cannot be encoded has been changed.
    return true
  }
}
