import type { RequestFacts } from '../core/web/carrier.ts'
import { checkNames, optionNames } from '../core/options.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'

/** What the seeded session holds. */
export interface SeedPlan<Data extends object> {
  /**
   * Logs this user in.
   * @defaultValue nobody
   */
  readonly subject?: string
  /**
   * What the session holds, beside what new ones do.
   * @defaultValue nothing more
   */
  readonly data?: Partial<Data>
  /**
   * Options of that login: level, factors, label. `keep` has no use here: all of `data` stays.
   * @defaultValue none
   */
  readonly login?: Omit<NonNullable<Parameters<Session<Data>['login']>[1]>, 'keep'>
  /**
   * Facts of the request that makes the session, such as the client's address when sessions are bound to it.
   * @defaultValue a page view over https
   */
  readonly facts?: Partial<RequestFacts>
}

const PLAN_NAMES = optionNames<SeedPlan<object>>({ subject: true, data: true, login: true, facts: true })

/** What a test request sends to find itself in the seeded session. */
export interface SeededSession {
  /** `name=token`, ready for a Cookie header. */
  readonly cookie: string
  readonly headers: { readonly cookie: string }
  /** The session's public name in lists. */
  readonly handle: string
}

/**
 * Stores a session, so that a test of an application starts with a visitor who is known already:
 *
 * ```ts
 * const { headers } = await seedSession(sessions, { subject: 'ann', data: { cart: [line] } })
 * const response = await fetch(`${base}/cart`, { headers })
 * ```
 */
export async function seedSession<Data extends object>(
  sessions: Sessions<Data>,
  plan: SeedPlan<Data> = {},
): Promise<SeededSession> {
  checkNames('seedSession', plan, PLAN_NAMES)
  const session = await sessions.open({ method: 'GET', url: '/', secure: true, header: () => undefined, ...plan.facts })
  session.start()
  Object.assign(session.data, plan.data)
  if (plan.subject !== undefined) await session.login(plan.subject, { ...plan.login, keep: 'all' })
  const outcome = await session.commit()
  const cookies = (outcome?.cookies ?? []).map((line) => line.split(';', 1)[0] ?? '')
  const cookie = cookies.join('; ')
  if (cookie === '' || session.handle === undefined) {
    throw new Error('seedSession: no cookie was handed out; it needs a manager whose first carrier is a cookie')
  }
  return { cookie, headers: { cookie }, handle: session.handle }
}
