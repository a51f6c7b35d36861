/** What the carriers and the engine need to know about a request; made by a front from its framework's request. */
export interface RequestFacts {
  readonly method: string
  /** Path and query as the client sent them, such as `/shop?page=2`. */
  readonly url: string
  /** Whether the client's connection is encrypted (through a trusted proxy, its word). */
  readonly secure: boolean
  /**
   * The client's address, through a trusted proxy its word. Asked for first before anything is awaited; what it tells then
   * must be told later too, when the client may have hung up.
   */
  readonly clientAddress?: string | undefined
  /**
   * False where no response follows that can carry headers, as for a WebSocket: tokens are then only read.
   * @defaultValue true
   */
  readonly hasResponse?: boolean | undefined
  /** A request header by lower-case name. Several Cookie fields come joined with `; `, other repeats with `, `. */
  readonly header: (name: string) => string | undefined
  /** Whether the client is known to have hung up by now. */
  readonly hasHungUp?: boolean | undefined
  /** A field of the parsed request body, for the form carrier. */
  readonly field?: ((name: string) => string | undefined) | undefined
}

/** What a response must carry for the client to keep, or to lose, its token. */
export interface Carried {
  /** Complete `Set-Cookie` values. */
  readonly cookies?: readonly string[]
  /** Other response headers, name in lower case. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** A complete response that the front must give instead of calling the application. */
export interface Answer {
  readonly status: number
  /** Response headers beside the cookies, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly cookies: readonly string[]
  readonly body: string
}

/** How a token travels between client and server. */
export interface Carrier {
  /** `cookie`, `header`, `url` or `form`; a carrier of your own has a name of its own. */
  readonly name: string
  /** A fallback is read and written only when the client shows no cookie at all. */
  readonly isFallback: boolean
  /** False: never used for a session that has a subject. */
  readonly carriesSubjects: boolean
  /** The cookie's name, when the token travels in one. */
  readonly cookieName?: string
  /** Names of the request headers that the reading depends on, for `Vary`. */
  readonly vary: readonly string[]
  /** All values the request presents, unchecked; more than one when the client sent several. */
  read(facts: RequestFacts): readonly string[]
  /**
   * What hands out the credential.
   * @param text the token as it travels (with its signature, when tokens are signed).
   * @param remaining milliseconds until the session's absolute end.
   * @param persistent whether the client is to keep it for that time, also when it is closed meanwhile; the sign-in's
   * choice, undefined where it made none.
   */
  hand(text: string, facts: RequestFacts, remaining: number, persistent?: boolean): Carried
  /** What takes the token away from the client. */
  clear(facts: RequestFacts): Carried
  /** The request's URL without this carrier's token, when it travels there. */
  strip?(url: string): string
  /**
   * Whether a new session of this request should be handed out by this carrier although no token came through it.
   * Without this method: when it is the first carrier that is no fallback.
   */
  offers?(facts: RequestFacts): boolean
  /**
   * For a fallback, asked whenever no carrier shows a token, with other cookies or without any: an answer that finds out
   * whether cookies work, or that takes the traces of the question out of the URL when they do.
   */
  probe?(facts: RequestFacts): Answer | undefined
  /**
   * Why a session that begins with this request would not come back with the next one like it, if so. Nothing is stored
   * then, unless somebody signs in, and one warning tells it.
   */
  outside?(facts: RequestFacts): string | undefined
  /**
   * `Set-Cookie` lines that take away what an earlier configuration left and the request shows.
   * @param hands whether the response hands out a token.
   */
  retire?(facts: RequestFacts, hands: boolean): readonly string[]
  /** Why the client is bound to drop what `hand` gives, if it is; for one clear warning. */
  complaint?(facts: RequestFacts): string | undefined
}
