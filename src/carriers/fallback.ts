import type { Carried, Carrier } from '../core/web/carrier.ts'
import { checkFlag } from '../core/options.ts'
import type { ProbeOptions } from './probe.ts'
import { cookieProbe } from './probe.ts'

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

/** A carrier that has `strip`, which each fallback has. */
type Fallback<Name> = Carrier & { readonly name: Name; strip(url: string): string }

// The address of a page that has the token in it is told to no other site.
const TOKEN_IN_PAGE: Carried = { headers: [['referrer-policy', 'no-referrer']] }

/** A carrier for clients without cookies, from how it finds its token and, if it stands there, takes it off a URL. */
export function fallbackCarrier<Name extends string>(
  name: Name,
  options: FallbackOptions,
  read: Carrier['read'],
  strip: (url: string) => string = (url) => url,
): Fallback<Name> {
  const { carriesSubjects = false } = options
  checkFlag(`${name}Carrier: carriesSubjects`, carriesSubjects)
  const probe = cookieProbe(`${name}Carrier`, options)
  return {
    name,
    isFallback: true,
    carriesSubjects,
    vary: ['cookie'],
    read,
    hand: () => TOKEN_IN_PAGE,
    clear: () => ({}),
    strip: (url) => probe.strip(strip(url)),
    offers: (facts) => probe.isCookieless(facts),
    probe: (facts) => (read(facts).length === 0 ? probe.answer(facts) : undefined),
  }
}
