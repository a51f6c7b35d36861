import type { Outcome } from '../../core/web/response.ts'
import type { Committable } from './gate.ts'

/** Saves what a handler did before it threw. If that fails too, the handler's own error is the one to tell. */
export async function commitAfterThrow(session: Committable): Promise<Outcome | undefined> {
  try {
    return await session.commit()
  } catch {
    return undefined
  }
}
