import { isProduction, utf8Length } from '#platform'
import type { Carrier } from '../../../core/web/carrier.ts'
import type { Clock } from '../../../core/clock.ts'
import type { CookieCarrier, CookieOptions } from '../../../core/web/cookie-carrier.ts'
import { cookieCarrier } from '../../../core/web/cookie-carrier.ts'
import type { SessionsOptions } from '../../../core/config.ts'
import { withoutPrefix } from '../../../core/web/cookie.ts'

/** What a Session takes from the configuration when it is made. The names are web.py's. */
export interface SessionParameters {
  /** @defaultValue 'webpy_session_id' */
  cookie_name: string
  /** This host and all below it get the cookie; `null` is web.py's `None`. @defaultValue undefined: this host only */
  cookie_domain: string | null | undefined
  /** @defaultValue undefined: `/` */
  cookie_path: string | null | undefined
  /** Whether requests that other sites cause bring the cookie. @defaultValue undefined: `Lax`, as browsers take it */
  samesite: 'Lax' | 'Strict' | 'None' | null | undefined
  /** Seconds after the last use at which a session ends. @defaultValue 86400 */
  timeout: number
  /** Whether an unknown or expired id silently gives a new session, instead of `expired_message`. @defaultValue true */
  ignore_expiry: boolean
  /** Whether a session may be used from another address than it began at. @defaultValue true */
  ignore_change_ip: boolean
  /** Signs the ids, so that guesses never reach the store; 32 bytes at least. Ids do not need it. @defaultValue undefined */
  secret_key: string | undefined
  /** @defaultValue 'Session expired' */
  expired_message: string
  /** Whether scripts of the page cannot read the cookie. @defaultValue true */
  httponly: boolean
  /** Whether the cookie is for https only. False is refused in production. @defaultValue false */
  secure: boolean
}

/** web.py's `web.config`, as far as sessions go. */
export interface Config {
  /** Read when a Session is made; what is changed later concerns later ones. */
  readonly sessionParameters: SessionParameters
  /** Where a program may put its Session for its other modules. */
  _session?: object
}

/** `web.config`: an object that programs change before they make a Session. */
export const config: Config = {
  // Sealed: a name that is misspelt is an error, and not a setting that is not in force.
  sessionParameters: Object.seal({
    cookie_name: 'webpy_session_id',
    cookie_domain: undefined,
    cookie_path: undefined,
    samesite: undefined,
    timeout: 86_400,
    ignore_expiry: true,
    ignore_change_ip: true,
    secret_key: undefined,
    expired_message: 'Session expired',
    httponly: true,
    secure: false,
  }),
}

/** The engine's options that follow from the parameters. */
export type DerivedOptions = Pick<
  SessionsOptions<Record<string, unknown>>,
  'namespace' | 'timeouts' | 'rotation' | 'sweepEvery' | 'refusal' | 'secrets'
>

const DAY = 86_400

/** The engine's options for these parameters. */
export function optionsFor(parameters: SessionParameters): DerivedOptions {
  const { timeout, ignore_expiry, expired_message, secret_key } = parameters
  checkParameters(parameters)
  const absolute = Math.min(Math.max(timeout, 30 * DAY), 400 * DAY)
  return {
    namespace: withoutPrefix(parameters.cookie_name),
    // Written down at each use, as in web.py; and it has no other end, but nothing lasts for ever.
    timeouts: { idle: `${Math.min(timeout, 400 * DAY)}s`, touchEvery: '0s', absolute: `${absolute}s` },
    // A token that was replaced is dead at once, so the cookie that came with a request may go back with its response.
    rotation: { grace: '0s' },
    sweepEvery: `${timeout}s`,
    refusal: ignore_expiry ? { answer: 'new' } : { answer: 'message', message: expired_message },
    ...(secret_key === undefined ? {} : { secrets: [secret_key] }),
  }
}

// Under the names that a user of web.py has written; the engine would complain under its own.
function checkParameters(parameters: SessionParameters): void {
  const { timeout, secret_key, expired_message } = parameters
  if (!(Number.isFinite(timeout) && timeout > 0)) throw new TypeError('timeout: expected a number of seconds')
  for (const name of ['ignore_expiry', 'ignore_change_ip', 'httponly', 'secure'] as const) {
    if (typeof parameters[name] !== 'boolean') throw new TypeError(`${name}: expected true or false`)
  }
  if (typeof expired_message !== 'string') throw new TypeError('expired_message: expected a text')
  if (secret_key === undefined || (typeof secret_key === 'string' && utf8Length(secret_key) >= 32)) return
  throw new TypeError('secret_key: expected at least 32 random bytes, or undefined; ids do not need it')
}

/** How the cookie is to be, beyond the parameters. */
export interface CookieExtras {
  readonly persistent: boolean
  readonly now: Clock
}

/** The cookie for these parameters. */
export function carrierFor(parameters: SessionParameters, { persistent, now }: CookieExtras): CookieCarrier {
  const { cookie_name, cookie_domain, cookie_path, samesite, httponly, secure, timeout } = parameters
  if (!secure && isProduction()) {
    throw new TypeError('webpy: secure is false; in production serve https and set config.sessionParameters.secure')
  }
  const isShared = isGiven(cookie_domain) || (cookie_path ?? '/') !== '/'
  const options = {
    // Over plain http the engine takes the prefix away that it asks for.
    name: !secure && isShared ? `__Secure-${withoutPrefix(cookie_name)}` : cookie_name,
    ...(isGiven(cookie_domain) && { domain: cookie_domain }),
    ...(isGiven(cookie_path) && { path: cookie_path }),
    ...(isGiven(samesite) && { sameSite: samesite.toLowerCase() }),
    insecureDevelopment: !secure,
    persistent,
    now,
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- cookieCarrier checks how attributes go together
  const carrier = cookieCarrier(options as CookieOptions)
  const hand: Carrier['hand'] = (text, facts) => {
    // Each response renews the cookie, so it need not outlive what it leads to.
    const { cookies = [] } = carrier.hand(text, facts, timeout * 1000)
    return { cookies: httponly ? cookies : cookies.map((line) => line.replace('; HttpOnly', '')) }
  }
  return { ...carrier, hand }
}

function isGiven<T>(value: T): value is NonNullable<T> {
  return value !== undefined && value !== null
}
