import { pendingText } from './pending.ts'
import type { State } from './state.ts'
import { begin } from './state.ts'

/**
 * The token's text for the fallback of that name, if a fallback carries this session: not only the one in use, because a
 * client without cookies may go from a link to a form and back. The token in a cookie is told to nobody.
 */
export function credentialFor<Data extends object>(state: State<Data>, name: string): string | undefined {
  const carrier = state.engine.config.carriers.find((candidate) => candidate.name === name)
  if (carrier?.isFallback !== true || !state.carrier.isFallback || state.phase === 'superseded') return undefined
  if (!carrier.carriesSubjects && state.live?.record.subject !== undefined) return undefined
  if (state.phase === 'fresh' && pendingText(state) !== undefined) begin(state)
  return state.token === undefined ? undefined : state.engine.config.seal.write(state.token)
}
