import { checkFunction } from './options.ts'
import type { Policy } from './policy.ts'
import type { RequestFacts } from './web/carrier.ts'
import { networkOf } from './web/network.ts'

/** What names the client of a request; undefined when there is nothing to name it by. */
export type Fingerprint = (facts: RequestFacts) => string | undefined

/** What sessions are bound to. */
export type BindOption = 'client-address' | 'client-network' | Fingerprint

/** @throws TypeError when it is something else. */
export function checkBind(bind: BindOption | undefined): void {
  if (boundTo(bind) === 'function') {
    checkFunction("bind: 'client-address', 'client-network', or", bind, 'that names the client')
  }
}

/** The option in a word. */
export function boundTo(bind: BindOption | undefined): Policy['bind'] {
  if (bind === undefined || bind === 'client-address' || bind === 'client-network') return bind
  return 'function'
}

/** The option as a function. */
export function fingerprintFor(bind: BindOption | undefined): Fingerprint | undefined {
  if (bind === 'client-address') return shownAddress
  return bind === 'client-network' ? shownNetwork : bind
}

// Koa gives an empty address where there is none.
function shownAddress({ clientAddress }: RequestFacts): string | undefined {
  return clientAddress === '' ? undefined : clientAddress
}

function shownNetwork(facts: RequestFacts): string | undefined {
  const address = shownAddress(facts)
  return address === undefined ? undefined : networkOf(address)
}

/**
 * Whether sessions are bound to addresses. Without one to compare nothing is let in then, because a client can see to it
 * that there is none, by hanging up. Only a function of the application's own says by undefined that all may come.
 */
export function needsAddress({ bind }: Policy): boolean {
  return bind !== undefined && bind !== 'function'
}
