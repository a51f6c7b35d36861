import { pendingText } from './save.ts'
import type { State } from './state.ts'
import { begin } from './state.ts'

/**
 * The token's text for the carrier of that name, if it may carry this session: it is the one in use, or both are
 * fallbacks, because a client without cookies may go from a link to a form and back.
 */
export function credentialFor<Data extends object>(state: State<Data>, name: string): string | undefined {
  const carrier = state.engine.config.carriers.find((candidate) => candidate.name === name)
  const isInUse = carrier === state.carrier || (carrier?.isFallback === true && state.carrier.isFallback)
  if (carrier === undefined || !isInUse || state.phase === 'superseded') return undefined
  if (!carrier.carriesSubjects && state.live?.record.subject !== undefined) return undefined
  if (carrier.isFallback && state.phase === 'fresh' && pendingText(state) !== undefined) begin(state)
  return state.token === undefined ? undefined : state.engine.config.seal.write(state.token)
}
