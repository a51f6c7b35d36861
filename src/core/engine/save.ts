import { insertState, mayBegin } from './insert.ts'
import { isChanged, tellLoss } from './lost.ts'
import { pendingText } from './pending.ts'
import type { State } from './state.ts'
import { requireOneToken } from './state.ts'
import { updateState } from './update.ts'

/** What a save came to. */
export type SaveResult = 'saved' | 'unchanged'

/**
 * Writes what has changed: `text`, as {@link pendingText} gives it.
 * @throws SessionError `gone` or `superseded` when there is something to write and the session has ended meanwhile.
 */
export async function saveState<Data extends object>(
  state: State<Data>,
  text: string | undefined = pendingText(state),
): Promise<SaveResult> {
  if (text === undefined) {
    tellLoss(state)
    // A commit does not come here without a text: this was asked for.
    if (isChanged(state)) requireOneToken(state)
    return 'unchanged'
  }
  if (state.phase === 'fresh') {
    if (!mayBegin(state)) return 'unchanged'
    await insertState(state, { text })
    return 'saved'
  }
  return updateState(state, text)
}
