/** The few calls of the platform that the core makes; one file for each kind of platform implements them. */
export interface Platform {
  /** SHA-256 (FIPS 180-4) of a text's UTF-8 bytes, in base64url without padding: 43 characters. */
  sha256(text: string): string
  /** HMAC-SHA-256 (RFC 2104) of a text's UTF-8 bytes. */
  hmacSha256(key: Uint8Array, text: string): Uint8Array
  /** Bytes from the platform's cryptographic random number generator. */
  randomBytes(length: number): Uint8Array
  /** Comparison in a time that does not depend on where the bytes differ. False for different lengths. */
  equalBytes(a: Uint8Array, b: Uint8Array): boolean
  /** Base64url without padding (RFC 4648 section 5). */
  toBase64Url(bytes: Uint8Array): string
  /** UTF-8 bytes of a text. */
  utf8(text: string): Uint8Array
  /** Number of UTF-8 bytes of a text. */
  utf8Length(text: string): number
  /** Calls `fn` once, later; the returned function cancels it. The process does not stay alive for it. */
  later(milliseconds: number, fn: () => void): () => void
  /**
   * As {@link Platform.later}, for work that belongs to no request; undefined, and nothing is called, on platforms where a
   * timer ends with the request that has set it.
   */
  background(milliseconds: number, fn: () => void): (() => void) | undefined
  /** Resolves later. The process stays alive for it: a script must not end in the middle of a save. */
  pause(milliseconds: number): Promise<void>
  /** Calls `fn` in the next turn of the event loop, after the input and output that are waiting. */
  nextTurn(fn: () => void): void
  /**
   * Resolves at the end of the present turn of the event loop, for everybody who waits in it; at once on platforms where one
   * request must not wait for what another one has started.
   */
  endOfTurn(): Promise<void>
  /** Whether one request must not wait for what another one has started. */
  readonly isolatesRequests: boolean
  /** Milliseconds since some moment in the past, by a clock that nobody sets. */
  monotonicNow(): number
  /** A value that follows the asynchronous flow of `run`. */
  ambient<T>(): Ambient<T>
  /** Whether this process runs in production (`NODE_ENV=production`). */
  isProduction(): boolean
  /** Tells the developer something once, where warnings go on this platform. */
  warn(message: string): void
}

/** See {@link Platform.ambient}. */
export interface Ambient<T> {
  run<R>(value: T, fn: () => R): R
  get(): T | undefined
}
