import { randomBytes } from '#platform'
import type { Carrier } from '../../../core/web/carrier.ts'
import type { Session } from '../../../core/session.ts'
import { commitBy } from '../../../core/session.ts'
import type { TokenSeal } from '../../../core/token.ts'

/** What decides which cookie a response carries when the engine adds none. */
export interface CookieRules {
  readonly carrier: Carrier
  readonly seal: TokenSeal
  /** Whether the page has killed the session. */
  readonly wasKilled: (session: object) => boolean
}

/**
 * Lets the response carry the cookie also when there is nothing new to say, as web.py's do. Only where the visitor has
 * some cookie already and no session there is none: it could overwrite that of a session which began meanwhile.
 */
export function alwaysWithCookie<Data extends object>(session: Session<Data>, rules: CookieRules): Session<Data> {
  commitBy(session, async (commit) => {
    const { writes } = session.activity
    const outcome = await commit()
    if (outcome !== undefined && outcome.cookies.length > 0) return outcome
    const cookies = await cookiesFor(session, rules, { isConfirmed: session.activity.writes > writes })
    return cookies.length === 0 ? outcome : { headers: [], vary: rules.carrier.vary, ...outcome, cookies }
  })
  return session
}

async function cookiesFor<Data extends object>(
  session: Session<Data>,
  { carrier, seal, wasKilled }: CookieRules,
  { isConfirmed }: { readonly isConfirmed: boolean },
): Promise<readonly string[]> {
  const { facts } = session
  const [presented] = carrier.read(facts)
  if (session.isDegraded) return []
  if (presented === undefined || seal.read(presented) === undefined) {
    if (session.isStarted) return []
    if (wasKilled(session)) return carrier.clear(facts).cookies ?? []
    return presented === undefined ? (carrier.hand(placeholder(), facts, 0).cookies ?? []) : []
  }
  if (!session.isStarted || wasKilled(session)) return []
  // A token that was replaced or ended meanwhile must not go back: it would overwrite the one that another response has
  // just set. What the commit wrote has told; else the store is asked once more, and a page is no worse without.
  const isStillIts = isConfirmed || (await session.isAlive().catch(() => false))
  return isStillIts ? (carrier.hand(presented, facts, 0).cookies ?? []) : []
}

/**
 * What a visitor's cookie holds about whom nothing is kept: of web.py's shape, and no token, so that it is thrown away
 * without a look into the store. A robot that fetches pages leaves no records behind.
 */
function placeholder(): string {
  return [...randomBytes(20)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
