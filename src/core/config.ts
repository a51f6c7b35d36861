import type { BindOption, Fingerprint } from './binding.ts'
import { boundTo, checkBind, fingerprintFor } from './binding.ts'
import type { Carrier } from './web/carrier.ts'
import type { Clock } from './clock.ts'
import type { Codec, JsonLimits } from './data/codec.ts'
import { jsonCodec, strictCodec } from './data/codec.ts'
import { withoutPrefix } from './web/cookie.ts'
import { cookieCarrier } from './web/cookie-carrier.ts'
import type { CookieOptions } from './web/cookie-carrier.ts'
import type { DocumentRules } from './data/content.ts'
import type { Duration } from './duration.ts'
import { parseDuration, parseWait } from './duration.ts'
import {
  assertOption,
  checkChoice,
  checkClock,
  checkFunction,
  checkNames,
  checkedCount,
  optionNames,
} from './options.ts'
import type { Policy, RotationOptions, TimeoutOptions } from './policy.ts'
import { createPolicy } from './policy.ts'
import type { StandardSchema } from './data/schema.ts'
import type { SecretOptions } from './secrets.ts'
import { sealFor } from './secrets.ts'
import type { Store, SubjectCap } from './store.ts'
import type { TokenSeal } from './token.ts'

/** What a request gets whose token is unknown, expired, or bound to another client. */
export type Refusal =
  /** A new, empty session. */
  | { readonly answer: 'new' }
  /** A plain text instead of the application's page, and the token is taken away. */
  | {
      readonly answer: 'message'
      /** @defaultValue 'Session expired' */
      readonly message?: string
      /** @defaultValue 200 */
      readonly status?: number
    }

/** Bounds on session data. */
export interface LimitOptions {
  /**
   * Bytes of the encoded data.
   * @defaultValue 65536
   */
  readonly bytes?: number
  /**
   * The same for sessions without a subject (DOS-4).
   * @defaultValue the value of `bytes`
   */
  readonly anonymousBytes?: number
  /**
   * Levels of nesting.
   * @defaultValue 32
   */
  readonly depth?: number
  /**
   * Keys of one object.
   * @defaultValue 1000
   */
  readonly keys?: number
}

/** What `createSessions` takes. Everything but the store has a default that is safe. */
export interface SessionsOptions<Data extends object> {
  /** Where sessions live; or a function that opens it, which a hot reload then does not call again. */
  readonly store: Store | (() => Store)
  /**
   * With a name, a second `createSessions` of that name in one process gives the first manager (hot reload).
   * @defaultValue none: each call makes a manager of its own
   */
  readonly name?: string
  /**
   * Keeps applications that share a store apart: a token of one opens nothing in the other.
   * @defaultValue the cookie's name without its prefix, `id`
   */
  readonly namespace?: string
  /**
   * Gives each new session its starting contents.
   * @defaultValue an empty object
   */
  readonly initial?: () => Data
  /**
   * Checks data when it is loaded and before it is saved; any Standard Schema validator, synchronous.
   * @defaultValue nothing is checked
   */
  readonly schema?: StandardSchema<Data>
  /**
   * Makes data of what `codec` or `schema` refuses when a session is loaded, such as data that an earlier version of the
   * application stored. It gets what the codec reads, or the text itself where that reads nothing, and runs at each load
   * until the application changes the session. What it throws, or gives that does not fit, counts as no answer.
   * @defaultValue such data begin anew, from `initial`; the user stays signed in
   */
  readonly migrate?: (stored: unknown) => Data
  /**
   * Turns data into text and back. `json`: a key whose value is `undefined` is left out, and a `Date` becomes its ISO text,
   * which is what the next request reads; whatever else JSON would change without a word is an error. `strict`: these are
   * errors as well, so that what is read is exactly what was written. Or one of your own.
   * @defaultValue 'json'
   */
  readonly codec?: 'json' | 'strict' | Codec
  /**
   * When sessions end.
   * @defaultValue those of {@link TimeoutOptions}
   */
  readonly timeouts?: TimeoutOptions
  /**
   * When tokens are replaced.
   * @defaultValue those of {@link RotationOptions}
   */
  readonly rotation?: RotationOptions
  /**
   * How large session data may be.
   * @defaultValue those of {@link LimitOptions}
   */
  readonly limits?: LimitOptions
  /**
   * How many live sessions one user may have at a time. The default needs a store that knows its subjects, as all of this
   * package do, and is not in force on another; a cap of your own is refused there. `'unlimited'`: listing and ending a
   * user's sessions may then take as long as they are many.
   * @defaultValue `{ max: 100, onLimit: 'evict-oldest' }`
   */
  readonly perSubject?: SubjectCap | 'unlimited'
  /**
   * Attributes of the cookie; short for `carriers: [cookieCarrier(...)]`.
   * @defaultValue those of {@link CookieOptions}
   */
  readonly cookie?: CookieOptions
  /**
   * How tokens travel. A cookie wins when present.
   * @defaultValue a cookie
   */
  readonly carriers?: readonly Carrier[]
  /**
   * Secrets of at least 32 bytes, the newest first, that sign tokens so that guesses never reach the store. As an object
   * also what is taken beside while a live site begins to use them, or stops.
   * @defaultValue none: tokens are not signed
   */
  readonly secrets?: readonly string[] | SecretOptions
  /**
   * Binds each session to its client. `client-address`: to its whole address. `client-network`: to its IPv4 address, or to
   * the first 64 bits of its IPv6 address, whose rest browsers change. Where no address is known nothing bound is opened,
   * and nothing is begun. A function: to what it tells of the request; undefined then matches all.
   * @defaultValue sessions are not bound
   */
  readonly bind?: BindOption
  /**
   * What a request gets whose token is unknown, expired, or bound to another client.
   * @defaultValue `{ answer: 'new' }`
   */
  readonly refusal?: Refusal
  /**
   * `throw`: a session that cannot be loaded is an error. `anonymous`: the request is served with an empty session
   * that is never stored, and the cookie stays as it is.
   * @defaultValue 'throw'
   */
  readonly onStoreError?: 'throw' | 'anonymous'
  /**
   * How long a store operation may take.
   * @defaultValue '2s'
   */
  readonly storeTimeout?: Duration
  /**
   * A commit starts a sweep in the background when the last one is older than this.
   * @defaultValue '5m'
   */
  readonly sweepEvery?: Duration
  /** @defaultValue `Date.now` */
  readonly now?: Clock
}

/** At least one. */
export type Carriers = readonly [Carrier, ...Carrier[]]

/** The options, checked once, with every default in place. */
export interface Config<Data extends object> {
  readonly namespace: string
  readonly rules: DocumentRules<Data>
  readonly policy: Policy
  readonly maxBytes: number
  readonly maxAnonymousBytes: number
  readonly carriers: Carriers
  /** The request headers that the carriers read. */
  readonly vary: readonly string[]
  readonly seal: TokenSeal
  readonly fingerprint: Fingerprint | undefined
  readonly refusal: Refusal
  readonly onStoreError: 'throw' | 'anonymous'
  readonly storeTimeout: number
  readonly sweepEvery: number
  readonly now: Clock
}

/** @throws TypeError naming the option that is wrong. */
export function readConfig<Data extends object>(options: SessionsOptions<Data>): Config<Data> {
  checkOptions(options)
  const { limits = {}, now = Date.now } = options
  const carriers = checkedCarriers(options.carriers ?? [cookieCarrier({ now, ...options.cookie })])
  const bytes = checkedCount('limits.bytes', limits.bytes ?? 65_536)
  // Deeper data would be a danger to the stack.
  const depth = checkedCount('limits.depth', limits.depth ?? 32, 1, 1000)
  const shape = { depth, keys: checkedCount('limits.keys', limits.keys ?? 1000) }
  return {
    namespace: options.namespace ?? namespaceOf(carriers),
    rules: {
      codec: codecOf(options.codec ?? 'json', shape),
      schema: options.schema,
      initial: options.initial ?? emptyData<Data>(),
      migrate: options.migrate,
    },
    policy: createPolicy(options.timeouts ?? {}, options.rotation ?? {}, options.perSubject, boundTo(options.bind)),
    maxBytes: bytes,
    maxAnonymousBytes: checkedCount('limits.anonymousBytes', limits.anonymousBytes ?? bytes),
    carriers,
    vary: [...new Set(carriers.flatMap((carrier) => carrier.vary))],
    seal: sealFor(options.secrets, now),
    fingerprint: fingerprintFor(options.bind),
    refusal: { ...(options.refusal ?? { answer: 'new' }) },
    onStoreError: options.onStoreError ?? 'throw',
    storeTimeout: parseWait('storeTimeout', options.storeTimeout ?? '2s'),
    sweepEvery: parseDuration('sweepEvery', options.sweepEvery ?? '5m', 1),
    now,
  }
}

function codecOf(codec: 'json' | 'strict' | Codec, limits: JsonLimits): Codec {
  if (codec === 'json') return jsonCodec(limits)
  if (codec === 'strict') return strictCodec(limits)
  assertOption(
    typeof codec?.encode === 'function' && typeof codec.decode === 'function',
    "codec: expected 'json', 'strict' or an object with the functions encode and decode",
  )
  return codec
}

/** The names of the options of `createSessions`. */
export const sessionsOptionNames: readonly string[] = optionNames<SessionsOptions<object>>({
  store: true,
  name: true,
  namespace: true,
  initial: true,
  schema: true,
  migrate: true,
  codec: true,
  timeouts: true,
  rotation: true,
  limits: true,
  perSubject: true,
  cookie: true,
  carriers: true,
  secrets: true,
  bind: true,
  refusal: true,
  onStoreError: true,
  storeTimeout: true,
  sweepEvery: true,
  now: true,
})
const GROUPS = {
  timeouts: optionNames<TimeoutOptions>({ idle: true, absolute: true, anonymous: true, touchEvery: true }),
  rotation: optionNames<RotationOptions>({ every: true, grace: true }),
  limits: optionNames<LimitOptions>({ bytes: true, anonymousBytes: true, depth: true, keys: true }),
  perSubject: optionNames<SubjectCap>({ max: true, onLimit: true }),
  refusal: ['answer', 'message', 'status'],
}

/** @throws TypeError for what is not an object with names of `createSessions`. */
export function checkSessionsOptions(options: unknown): void {
  checkNames('createSessions', options, sessionsOptionNames)
}

function checkOptions<Data extends object>(options: SessionsOptions<Data>): void {
  for (const [group, names] of Object.entries(GROUPS)) {
    const given: unknown = Reflect.get(options, group)
    const isWord = group === 'perSubject' && given === 'unlimited'
    if (given !== undefined && !isWord) checkNames(`createSessions: ${group}`, given, names)
  }
  const { namespace, cookie, carriers, schema, refusal, bind, onStoreError = 'throw' } = options
  assertOption(
    namespace === undefined || (typeof namespace === 'string' && /^[\w.-]{1,64}$/.test(namespace)),
    'namespace: expected up to 64 letters, digits and _ . -',
  )
  assertOption(cookie === undefined || carriers === undefined, 'cookie: give either cookie or carriers')
  checkFunction('initial', options.initial, 'that gives the starting contents of a session')
  checkFunction('migrate', options.migrate, 'that gives the data of a session')
  checkClock('now', options.now)
  assertOption(
    schema === undefined || typeof schema?.['~standard']?.validate === 'function',
    'schema: expected a Standard Schema, such as one of zod',
  )
  checkBind(bind)
  checkChoice('onStoreError', onStoreError, ['throw', 'anonymous'])
  if (refusal !== undefined) checkRefusal(refusal)
}

function checkRefusal(refusal: Refusal): void {
  checkChoice('refusal.answer', refusal.answer, ['new', 'message'])
  if (refusal.answer === 'new') return
  const { message = '', status = 200 } = refusal
  assertOption(typeof message === 'string', 'refusal.message: expected a string')
  checkedCount('refusal.status', status, 200, 599)
}

// Without `initial`, Data has no keys that must be there, or the application's type says more than it keeps.
function emptyData<Data extends object>(): () => Data {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return () => ({}) as Data
}

// Cookie first (it wins when present), fallbacks last.
function checkedCarriers(carriers: readonly Carrier[]): Carriers {
  const areCarriers = isList(carriers) && carriers.every((carrier) => typeof carrier?.read === 'function')
  assertOption(areCarriers, 'carriers: expected a list of at least one, such as [cookieCarrier()]')
  const names = new Set(carriers.map((carrier) => carrier.name))
  assertOption(names.size === carriers.length, 'carriers: each name may be given once')
  const rank = (carrier: Carrier): number => (carrier.isFallback ? 2 : carrier.name === 'cookie' ? 0 : 1)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of at least one, see above
  return carriers.toSorted((a, b) => rank(a) - rank(b)) as unknown as Carriers
}

function namespaceOf(carriers: readonly Carrier[]): string {
  const cookie = carriers.find((carrier) => carrier.cookieName !== undefined)?.cookieName ?? 'id'
  return withoutPrefix(cookie)
}

function isList(given: unknown): boolean {
  return Array.isArray(given) && given.length > 0
}
