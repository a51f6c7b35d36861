import { nextTurn } from '#platform'
import { isSessionError } from '../errors.ts'
import { saveState } from './save.ts'
import type { State } from './state.ts'
import { inTurn } from './state.ts'

/** The end of a response, where the front can tell of it; any of Node's responses. */
export interface Closing {
  /** Calls back, once, when the response has been sent or cut off. */
  once(event: 'close', listener: () => void): unknown
}

/** What a session does about changes after its commit. */
export interface Late {
  /** Whether they are saved all the same. */
  readonly isSaved: boolean
  /** Whether the commit is done: no token can be handed out any more. */
  hasLeft: boolean
  /** Whether the session is going to be looked at for changes. */
  isLookDue: boolean
  /** Tells of the end of the response, until somebody listens. */
  closing: Closing | undefined
}

/**
 * For content that is asked for after the commit: at the end of the turn, and once more when the response has ended, it is
 * saved if it was changed. A session that exists needs no token for that. What cannot be saved is a warning: there is
 * nobody left to whom an error could be given.
 */
export function lookLater<Data extends object>(state: State<Data>): void {
  const { late, engine } = state
  if (!late.isSaved || late.isLookDue) return
  late.isLookDue = true
  // It never rejects.
  const look = new Promise<void>(nextTurn).then(() => saveLate(state)).finally(() => engine.late.delete(look))
  engine.late.add(look)
  late.closing?.once('close', () => lookLater(state))
  late.closing = undefined
}

async function saveLate<Data extends object>(state: State<Data>): Promise<void> {
  state.late.isLookDue = false
  try {
    // Where the commit has failed, the client was told so, and nothing of this request is to be stored any more.
    await inTurn(state, async () => {
      if (state.late.hasLeft) await saveState(state)
    })
  } catch (error) {
    state.engine.emitter.warn(textOf(error))
  }
}

function textOf(error: unknown): string {
  const { message } = error instanceof Error ? error : new Error(String(error))
  if (isSessionError(error) && error.code === 'unsupported') return message
  return `a change after the response had begun was not saved: ${message}`
}
