import type { Outcome } from '../../core/web/response.ts'
import type { Committable } from './gate.ts'

/**
 * For frameworks that have a place of their own for it: lets the session be committed there, where a failure reaches the
 * framework's error handling, and not once more by the gate. The gate then only adds what the headers need; after a
 * failure nothing, because the response is the error's.
 */
export function commitOnce(session: Committable): Committable {
  let made: ReturnType<Committable['commit']>
  let isMade = false
  const settle = (outcome: Outcome | undefined): void => {
    made = outcome
  }
  return {
    commit(response) {
      if (!isMade) {
        isMade = true
        made = session.commit(response)
        if (made instanceof Promise) made.then(settle, () => settle(undefined))
      }
      return made
    },
  }
}
