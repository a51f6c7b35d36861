import type { Carried } from '../core/web/carrier.ts'
import type { ProbeOptions } from './probe.ts'

/** What the carriers for clients without cookies have in common. */
export interface FallbackOptions extends ProbeOptions {
  /**
   * Whether a session with a subject may travel this way. Addresses and pages are copied, printed and sent on, and the
   * token goes with them.
   * @defaultValue false
   */
  readonly carriesSubjects?: boolean
}

/** The part of a session that helpers for links and forms need. */
export interface CredentialSource {
  /** The token's text when the carrier of that name is the one in use; else undefined. */
  credential(carrierName: string): string | undefined
}

/** What both fallbacks send with a page that has the token in it: the address of such a page is told to no other site. */
export const TOKEN_IN_PAGE: Carried = { headers: [['referrer-policy', 'no-referrer']] }

/** The option as it was given, checked. */
export function checkedCarriesSubjects(options: FallbackOptions): boolean {
  const value = options.carriesSubjects ?? false
  if (typeof value === 'boolean') return value
  throw new TypeError('fallback: carriesSubjects must be true or false')
}
