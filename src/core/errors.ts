/** Every way in which a session can fail, as literals that programs may switch on. */
export type SessionErrorCode =
  /** The store rejected, or its connection is gone. `cause` holds the driver's error. */
  | 'store-unavailable'
  /** The store did not answer within `storeTimeout`. */
  | 'store-timeout'
  /** Another process kept changing the session until the attempts ran out; nothing was written. */
  | 'conflict'
  /** The session ended (sign-out, revocation, expiry) while this request was using it. */
  | 'gone'
  /** Another request replaced this request's token; the operation was not done. */
  | 'superseded'
  /** The request showed several tokens, and which of them counts cannot be told; nothing was done. */
  | 'ambiguous'
  /** A value that JSON would change or drop silently; the message names its path. */
  | 'not-encodable'
  /** The encoded data, its depth or its number of keys is over a limit. */
  | 'too-large'
  /** A stored record cannot be read: damaged, or written by a newer version. */
  | 'undecodable'
  /** The data does not fit the application's schema. */
  | 'invalid-data'
  /** The user already has as many sessions as the policy allows. */
  | 'subject-limit'
  /** The session's carrier (URL, form field) may not carry what was asked. */
  | 'carrier-forbidden'
  /** The last authentication is too old, or lacks the factor that is asked for. */
  | 'reauthentication-required'
  /** The cross-site request forgery check failed. */
  | 'csrf'
  /** The platform's random number generator failed or is not random. */
  | 'random'
  /** There is no session here: called outside a request. */
  | 'no-session'
  /** The store in use does not have the capability that was asked for. */
  | 'unsupported'
  /** The session manager or the store has been closed. */
  | 'closed'

/**
 * The HTTP status (RFC 9110 section 15) that answers a request which ended in this error. 409 where the request met another
 * one of the same session, and may be made again; 503 where the store may do later what it could not do now; 500 where only
 * the application's code can help.
 */
const STATUSES: Readonly<Record<SessionErrorCode, number>> = {
  'store-unavailable': 503,
  'store-timeout': 503,
  closed: 503,
  conflict: 409,
  gone: 409,
  superseded: 409,
  ambiguous: 409,
  'subject-limit': 409,
  // The client is to authenticate, once more or at all.
  'reauthentication-required': 401,
  csrf: 403,
  // A client that keeps no cookies may not sign in by a link.
  'carrier-forbidden': 403,
  // What the client sent made the session larger than it may be.
  'too-large': 413,
  'not-encodable': 500,
  'invalid-data': 500,
  undecodable: 500,
  random: 500,
  'no-session': 500,
  unsupported: 500,
}

/** The one error class of this package. Messages never contain a token, a store key or session data. */
export class SessionError extends Error {
  // A literal, not `this.constructor.name`: it survives minifiers, and the guard below needs it.
  override readonly name = 'SessionError'
  /** What went wrong, for programs. */
  readonly code: SessionErrorCode
  /** The HTTP status of an answer, as the error handling of Express, Koa and h3 reads it. */
  readonly status: number
  /** The same, where Fastify and Connect look for it. */
  readonly statusCode: number
  /** False always: messages are for developers, and frameworks that ask show them to no client. */
  readonly expose = false

  /** @param code what went wrong. @param message lower case, subject first, with the remedy. */
  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.status = this.statusCode = STATUSES[code]
  }
}

/** Tells a {@link SessionError}; works across two installed copies of this package, where `instanceof` does not. */
export function isSessionError(value: unknown): value is SessionError {
  return value instanceof Error && value.name === 'SessionError'
}
