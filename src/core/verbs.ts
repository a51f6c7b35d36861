import type { Duration } from './duration.ts'
import { checkNames, optionNames } from './options.ts'

/** How a session begins. */
export interface StartOptions {
  /**
   * An idle limit of its own; kept with the session. At most the absolute limit, past which it never lives.
   * @defaultValue the policy's
   */
  readonly idle?: Duration
}

/** How a sign-in is described. */
export interface LoginOptions<Data> {
  /**
   * Keys of the data that go over into the signed-in session, or `'all'`. All else is left behind (CVE-2022-24895).
   * @defaultValue none
   */
  readonly keep?: readonly (keyof Data)[] | 'all'
  /**
   * The application's assurance level, a whole number up to 1000.
   * @defaultValue 1
   */
  readonly level?: number
  /**
   * What the user has shown, such as `password`; `requireFresh` can ask for one. At most 16, of 255 characters each.
   * @defaultValue none
   */
  readonly factors?: readonly string[]
  /**
   * The device, for the user's own list of sessions. Cut at 255 characters, so a `User-Agent` may be given.
   * @defaultValue none
   */
  readonly label?: string
  /**
   * The identity provider's session, for coordinated sign-out. At most 255 characters.
   * @defaultValue none
   */
  readonly idpSession?: string
  /**
   * An absolute limit of its own; it can only be shorter than the policy's.
   * @defaultValue the policy's
   */
  readonly absolute?: Duration
  /**
   * Whether the user stays signed in when the browser is closed. `true`: the cookie lasts as long as the session may.
   * A duration, at most 400 days: the session itself lives that long too, used or not, instead of by the policy's limits.
   * `false`: the cookie ends with the browser.
   * @defaultValue what the option `cookie.persistent` says
   */
  readonly persistent?: boolean | Duration
}

/** How a further authentication is described. */
export interface ElevateOptions {
  /** @defaultValue the level so far */
  readonly level?: number
  /**
   * Added to the factors so far, of which the last 16 are kept.
   * @defaultValue none
   */
  readonly factors?: readonly string[]
}

/** How a session ends. */
export interface EndOptions {
  /**
   * Asks the browser to forget everything it keeps for this site (`Clear-Site-Data`).
   * @defaultValue false
   */
  readonly clearSiteData?: boolean
}

/** How a user signs out. */
export interface LogoutOptions<Data> extends EndOptions {
  /**
   * Keys of the data that go over into the anonymous session, or `'all'`.
   * @defaultValue none
   */
  readonly keep?: readonly (keyof Data)[] | 'all'
}

/** What an action must be preceded by. */
export interface FreshnessOptions {
  /** How long ago the user may have authenticated at most. */
  readonly within: Duration
  /**
   * A factor that must have been shown.
   * @defaultValue any
   */
  readonly factor?: string
}

/** When a token is replaced. */
export interface RotateOptions {
  /**
   * For how long requests under way with the old token reach the session.
   * @defaultValue `rotation.grace`
   */
  readonly grace?: Duration
}

type Verb = 'start' | 'destroy' | 'rotate' | 'login' | 'elevate' | 'logout' | 'requireFresh'

const NAMES: Readonly<Record<Verb, readonly string[]>> = {
  start: optionNames<StartOptions>({ idle: true }),
  destroy: optionNames<EndOptions>({ clearSiteData: true }),
  rotate: optionNames<RotateOptions>({ grace: true }),
  login: optionNames<LoginOptions<never>>({
    keep: true,
    level: true,
    factors: true,
    label: true,
    idpSession: true,
    absolute: true,
    persistent: true,
  }),
  elevate: optionNames<ElevateOptions>({ level: true, factors: true }),
  logout: optionNames<LogoutOptions<never>>({ keep: true, clearSiteData: true }),
  requireFresh: optionNames<FreshnessOptions>({ within: true, factor: true }),
}

/** @throws TypeError for what is not an object with options of the verb. */
export function checkVerb(verb: Verb, options: unknown): void {
  checkNames(verb, options, NAMES[verb])
}
