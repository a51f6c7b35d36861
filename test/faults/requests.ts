/** Which limit on a user's sessions is in force where the request is served. */
export type ManagerName = 'free' | 'evict' | 'reject'

/** What a request does with its session; `op` is the number of the operation, under which it leaves its trace. */
export type Deed =
  /** A visitor arrives: a session without a user. */
  | { readonly kind: 'start'; readonly life: string }
  /** A visitor signs in at once. */
  | { readonly kind: 'enter'; readonly life: string; readonly subject: string }
  | { readonly kind: 'look' }
  | { readonly kind: 'increment' }
  /** An entry for the log by `update`. */
  | { readonly kind: 'append' }
  /** A mark in `data`, saved by the commit. */
  | { readonly kind: 'change' }
  /** An entry for the log in `data`, saved by `save`, and by the commit when that fails. */
  | { readonly kind: 'insist' }
  /** Lays something down that can be taken once. */
  | { readonly kind: 'put' }
  | { readonly kind: 'take'; readonly gift: number }
  | { readonly kind: 'login'; readonly subject: string }
  | { readonly kind: 'elevate' }
  /** With a grace in milliseconds. */
  | { readonly kind: 'rotate'; readonly grace: number }
  | { readonly kind: 'logout'; readonly keeps: boolean }
  | { readonly kind: 'destroy' }
  | { readonly kind: 'list'; readonly subject: string }
  | { readonly kind: 'end'; readonly subject: string; readonly handle: string }
  | { readonly kind: 'endAll'; readonly subject: string }
  /** All sessions of the request's own user but this one, which gets a new token. */
  | { readonly kind: 'endOthers'; readonly subject: string }
  | { readonly kind: 'sweep' }

export type DeedKind = Deed['kind']

export interface Request {
  readonly op: number
  /** As the client presents it. */
  readonly token?: string
  readonly manager: ManagerName
  readonly deed: Deed
}

/** What a session showed when it was opened. */
export interface View {
  /** The life that it belongs to; absent when there is no data. */
  readonly owner?: string
  readonly subject?: string
  readonly level: number
  readonly handle: string
  readonly count: number
  /** `log:7`, `mark:7`, `gift:7`: the traces of operations, as often as they are there. */
  readonly traces: readonly string[]
}

/** A line of a user's list of sessions. */
export interface Listed {
  readonly handle: string
  /** The operation that signed in. */
  readonly label: string
}

/**
 * `done`: the application was told that it is done. `refused`: told that nothing was written. `unknown`: neither; it may
 * have been done, be done later, or never.
 */
export type Result = 'done' | 'refused' | 'unknown'

export interface Answer {
  /** Whether the token opened a session. `failed`: the application could not tell. */
  readonly opened: 'live' | 'nothing' | 'failed' | 'unasked'
  readonly view?: View
  readonly result: Result
  /** Why it was not done. */
  readonly code?: string
  /** The token that the response hands out. */
  readonly token?: string
  /** The session's public name after the deed. */
  readonly handle?: string
  /** What `increment` gave. */
  readonly count?: number
  /** Whether `take` or `end` got something. */
  readonly got?: boolean
  readonly list?: readonly Listed[]
}

/** Limits of the managers. */
export const CAPS: Readonly<Record<ManagerName, number>> = { free: Infinity, evict: 4, reject: 4 }

/** A user's name tells which limit is in force for that user everywhere. */
export function managerFor(subject: string): ManagerName {
  if (subject.startsWith('evict')) return 'evict'
  return subject.startsWith('reject') ? 'reject' : 'free'
}
