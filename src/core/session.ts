import { hmacSha256, utf8 } from '#platform'
import type { Answer, RequestFacts } from './web/carrier.ts'
import { credentialFor } from './engine/credential.ts'
import type { Content, Flash } from './data/content.ts'
import { parseDuration } from './duration.ts'
import { endState } from './engine/end.ts'
import { SessionError } from './errors.ts'
import { commitState } from './engine/finish.ts'
import type { Activity } from './engine/guard.ts'
import type { Closing } from './engine/late.ts'
import { lookLater } from './engine/late.ts'
import { modifyState } from './engine/modify.ts'
import { contentOf, follow } from './engine/open.ts'
import { getOwn, setOwn } from './data/own-key.ts'
import { parseIdle } from './policy.ts'
import type { Authentication } from './record.ts'
import { hasShown, referenceOf } from './record.ts'
import { elevateState, loginState, logoutKeeping, rotateState } from './engine/replace.ts'
import type { Outcome } from './web/response.ts'
import { shownFacts } from './web/shown-facts.ts'
import type { SaveResult } from './engine/save.ts'
import { saveState } from './engine/save.ts'
import { sealClass } from './sealed.ts'
import { secretOf } from './engine/secret.ts'
import type { AroundCommit, State } from './engine/state.ts'
import { begin, inTurn, requireResponse } from './engine/state.ts'
import { subjectKeyOf, subjectNameOf } from './subject-key.ts'
import type {
  ElevateOptions,
  EndOptions,
  FreshnessOptions,
  LoginOptions,
  LogoutOptions,
  RotateOptions,
  StartOptions,
} from './verbs.ts'
import { checkVerb } from './verbs.ts'

let read: <Data extends object>(session: Session<Data>) => State<Data>

/** What stands behind a session; for core's own functions, because a token is in it. */
export function stateOf<Data extends object>(session: Session<Data>): State<Data> {
  return read(session)
}

/** For a front with rules of its own about what a response carries: `around` makes each commit. */
export function commitBy<Data extends object>(session: Session<Data>, around: AroundCommit): void {
  stateOf(session).aroundCommit = around
}

/**
 * What an application holds during one request: data, user, and the verbs on them. Whatever it changes is saved by
 * itself before the response leaves. It shows neither token nor key when it is printed or turned into JSON.
 */
export class Session<Data extends object = Record<string, unknown>> {
  readonly #state: State<Data>

  static {
    read = <D extends object>(session: Session<D>): State<D> => session.#state
    sealClass(this, (session, message) => {
      if (session instanceof Object && #state in session) session.#state.engine.emitter.warn(message)
    })
  }

  /** @internal Made by `sessions.open`. */
  constructor(state: State<Data>) {
    this.#state = state
    Object.preventExtensions(this)
  }

  /** The session's data: a plain object, to read and to change. */
  get data(): Data {
    return this.#content().data
  }

  /** A value of the data, or `fallback` where the key is absent. Here and below one that is `undefined` is absent. */
  get<Key extends keyof Data>(key: Key): Data[Key] | undefined
  get<Key extends keyof Data>(key: Key, fallback: Data[Key]): Data[Key]
  get<Key extends keyof Data>(key: Key, fallback?: Data[Key]): Data[Key] | undefined {
    const value = getOwn(this.data, key)
    return value === undefined ? fallback : value
  }

  /**
   * Sets a value. Keys are strings.
   * @throws TypeError for another key.
   */
  set<Key extends keyof Data>(key: Key, value: Data[Key]): this {
    if (typeof key !== 'string') throw new TypeError('session.set: keys are strings')
    setOwn(this.data, key, value)
    return this
  }

  /** Whether the data has the key. */
  has(key: keyof Data): boolean {
    return getOwn(this.data, key) !== undefined
  }

  /** Removes a key. False when it was not there. */
  delete(key: keyof Data): boolean {
    const isThere = this.has(key)
    return Reflect.deleteProperty(this.data, key) && isThere
  }

  /** The keys of the data: a list of its own, so that changing the data while walking it is safe. */
  keys(): readonly (keyof Data & string)[] {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the own keys of `Data`
    return (Object.keys(this.data) as (keyof Data & string)[]).filter((key) => this.has(key))
  }

  /** Keys with their values. */
  entries(): readonly (readonly [keyof Data & string, Data[keyof Data]])[] {
    return this.keys().map((key) => [key, this.data[key]] as const)
  }

  /** Removes every key. The session lives on, empty. */
  clear(): void {
    for (const key of Object.keys(this.data)) Reflect.deleteProperty(this.data, key)
  }

  /** Whether the session has a record in the store, or will have one after this request whatever it does. */
  get isStarted(): boolean {
    return this.#touched().isStarted
  }

  /** Whether the session began with this request. */
  get isNew(): boolean {
    return this.#touched().isNew
  }

  /** Whether the store could not be read and the request is served all the same: nothing it writes will be stored. */
  get isDegraded(): boolean {
    return this.#touched().phase === 'degraded'
  }

  /** The session's public name: it names the session in lists, and opens nothing. Undefined until it is started. */
  get handle(): string | undefined {
    return this.#touched().handle
  }

  /** The user, after `login`. */
  get subject(): string | undefined {
    const subject = this.#touched().live?.record.subject
    return subjectNameOf(this.#state.engine.config.namespace, subject)
  }

  /** What is known about the user's last authentication. */
  get authentication(): Authentication | undefined {
    return this.#touched().live?.meta.authentication
  }

  /** When the session ends if nobody uses it again, in epoch milliseconds. */
  get expiresAt(): number | undefined {
    return this.#touched().live?.record.expiresAt
  }

  /** The session's name in logs and events: neither token, nor key, nor handle. */
  get reference(): string | undefined {
    const { handle } = this.#touched()
    return handle === undefined ? undefined : referenceOf(handle)
  }

  /** Whether a response follows that can carry a token; without one `login`, `rotate` and their like are refused. */
  get hasResponse(): boolean {
    return this.#state.hasResponse && !this.#state.late.hasLeft
  }

  /** What a front must answer instead of calling the application, if anything. */
  get answer(): Answer | undefined {
    return this.#state.answer
  }

  /** The request, as the front told of it; its URL is without a token, like `url`. */
  get facts(): RequestFacts {
    return shownFacts(this.#state.facts, this.#state.url)
  }

  /** The request's URL without a token in it. */
  get url(): string {
    return this.#state.url
  }

  /** Store calls made for this request so far. */
  get activity(): Readonly<Activity> {
    return this.#state.activity
  }

  /**
   * Makes the session exist even while it is empty. To one that exists it does nothing, but for the idle limit that
   * `idle` gives it, instead of the policy's, from now on.
   */
  start(options: StartOptions = {}): this {
    checkVerb('start', options)
    const { idle } = options
    const state = this.#touched()
    if (state.isCommitted) lookLater(state)
    if (idle !== undefined) state.idle = parseIdle('start: idle', idle, this.#absolute)
    begin(state)
    return this
  }

  /**
   * Saves now, and not only at the end of the request.
   * @throws SessionError `gone` or `superseded` when the session has ended, or its token was replaced, by another request.
   */
  save(): Promise<SaveResult> {
    return this.#inTurn((state) => saveState(state))
  }

  /** Ends the session. What this request still writes is never stored, unless it calls `start` or `login`. */
  destroy(options: EndOptions = {}): Promise<void> {
    checkVerb('destroy', options)
    return this.#inTurn(async (state) => {
      await endState(state, 'ended')
      state.clearsSiteData = options.clearSiteData === true
    })
  }

  /**
   * Replaces the token; the data stay. With a grace, a token that was replaced a moment ago stays, and the answer is
   * `rotated` all the same.
   */
  async rotate(options: RotateOptions = {}): Promise<'rotated' | 'unchanged' | 'gone'> {
    checkVerb('rotate', options)
    const grace = options.grace === undefined ? undefined : parseDuration('rotate: grace', options.grace)
    return this.#replacing(async (state) =>
      state.phase === 'live' ? rotateState(state, grace ?? state.engine.config.policy.rotationGrace) : 'unchanged',
    )
  }

  /**
   * Signs a user in: a new session under a new token, with the old one dead in the same step.
   * @throws SessionError `subject-limit`, `superseded`, `ambiguous` or `carrier-forbidden`.
   */
  login(subject: string, options: LoginOptions<Data> = {}): Promise<void> {
    checkVerb('login', options)
    const key = subjectKeyOf(this.#state.engine.config.namespace, subject)
    if (options.keep !== undefined) this.#content()
    return this.#replacing((state) => loginState(state, key, options))
  }

  /** Writes down that the signed-in user has authenticated again, perhaps at a higher level; new token. */
  elevate(options: ElevateOptions = {}): Promise<void> {
    checkVerb('elevate', options)
    return this.#replacing((state) => elevateState(state, options))
  }

  /**
   * Signs out. The session is a new, anonymous one afterwards, with the data that `keep` names; it is stored only if
   * there is something in it. Does nothing, and fails never, when nobody is signed in.
   */
  logout(options: LogoutOptions<Data> = {}): Promise<void> {
    checkVerb('logout', options)
    const keep = options.keep ?? []
    if (keep.length > 0) this.#content()
    return this.#inTurn(async (state) => {
      if (keep.length > 0) requireResponse(state)
      if (state.phase === 'live' && keep.length > 0) await logoutKeeping(state, keep)
      else await endState(state, state.hasResponse ? 'fresh' : 'ended')
      state.clearsSiteData = options.clearSiteData === true
    })
  }

  /**
   * Atomic read-modify-write, stored when the promise resolves. `change` runs on a copy, and again on fresh data when
   * another request got there first; so it must have no other effects. What it returns is the result.
   */
  async update<R>(change: (data: Data) => R | Promise<R>): Promise<R> {
    this.#content()
    return modifyState(this.#writable(), (content) => change(content.data))
  }

  /** Adds to a number, exactly, whatever other requests do. An absent key counts as 0. */
  increment(key: keyof Data & string, by = 1): Promise<number> {
    return this.update((data) => {
      const before: unknown = Object.hasOwn(data, key) ? data[key] : 0
      if (typeof before !== 'number') throw new TypeError(`session.increment: ${key} is not a number`)
      setOwn(data, key, before + by)
      return before + by
    })
  }

  /** Takes a value out: of any number of callers exactly one gets it, the others get undefined. */
  async take<Key extends keyof Data & string>(key: Key): Promise<Data[Key] | undefined> {
    if (!this.has(key)) return undefined
    return this.update((data) => {
      const value = getOwn(data, key)
      Reflect.deleteProperty(data, key)
      return value
    })
  }

  /** Keeps a message for the next page that asks. */
  flash(kind: string, message: string): void {
    this.#content().flashes.push({ kind, message })
  }

  /** Takes the messages that were kept; each is given out exactly once. */
  async flashes(): Promise<readonly Flash[]> {
    if (this.#content().flashes.length === 0) return []
    return modifyState(this.#writable(), (content) => content.flashes.splice(0))
  }

  /**
   * Passes only when the user authenticated a short while ago (ASVS 5.0 7.5.1 and 7.5.3).
   * @throws SessionError `reauthentication-required`.
   */
  requireFresh(options: FreshnessOptions): void {
    checkVerb('requireFresh', options)
    const since = this.#state.engine.config.now() - parseDuration('requireFresh: within', options.within)
    if (hasShown(this.authentication, since, options.factor)) return
    throw new SessionError('reauthentication-required', 'session: let the user authenticate again, then call elevate')
  }

  /**
   * A secret of this session for a purpose of your own: the same through periodic rotations, and another one after each
   * `login`, `elevate` and `logout`. Undefined until started.
   */
  derive(label: string): Uint8Array | undefined {
    const secret = secretOf(this.#touched())
    return secret === undefined ? undefined : hmacSha256(utf8(secret), `sojourn:derive:${label}`)
  }

  /**
   * What the fallback carrier of that name must put into links or forms; undefined when this client keeps cookies. A
   * session that has something in it begins with that.
   */
  credential(carrier: string): string | undefined {
    return credentialFor(this.#touched(), carrier)
  }

  /** Asks the store whether the session still lives; for connections that outlast a request. */
  async isAlive(): Promise<boolean> {
    const { live } = this.#touched()
    return live !== undefined && typeof (await follow(this.#state, live.key)) === 'object'
  }

  /**
   * For fronts: saves what has changed, and tells what the response must carry. What is changed after it, through this
   * object, is saved at the end of the turn if the session exists, and is else a warning.
   * @param response one that tells of its end by `close`: it is looked then once more for changes.
   */
  commit(response?: Closing): Outcome | undefined | Promise<Outcome | undefined> {
    const state = this.#state
    if (state.aroundCommit === undefined) return commitState(state, response)
    return state.aroundCommit(() => commitState(state, response))
  }

  get #absolute(): number {
    const { live, engine } = this.#state
    return live?.meta.lifetime ?? engine.config.policy.absolute
  }

  #touched(): State<Data> {
    this.#state.isTouched = true
    return this.#state
  }

  async #inTurn<T>(run: (state: State<Data>) => Promise<T>): Promise<T> {
    const state = this.#writable()
    return inTurn(state, () => run(state))
  }

  #replacing<T>(run: (state: State<Data>) => Promise<T>): Promise<T> {
    return this.#inTurn((state) => {
      requireResponse(state)
      return run(state)
    })
  }

  #writable(): State<Data> {
    if (!this.#state.isReadOnly) return this.#touched()
    throw new SessionError('unsupported', 'session: opened for reading only')
  }

  #content(): Content<Data> {
    const state = this.#touched()
    if (state.isCommitted) lookLater(state)
    return contentOf(state)
  }
}
