import type { Answer, Deed } from './requests.ts'

/** Tokens have numbers here: a history tells nothing that opens a session. */
export type TokenNumber = number

/** A request leaves the client. */
export interface Begun {
  readonly type: 'begun'
  readonly op: number
  /** Milliseconds since the campaign began. */
  readonly at: number
  readonly deed: Deed
  readonly token?: TokenNumber
}

/** Its answer arrives, or will never. */
export interface Ended {
  readonly type: 'ended'
  readonly op: number
  readonly at: number
  readonly answer: Omit<Answer, 'token'> & { readonly token?: TokenNumber }
}

/** Something that must never happen, seen where it happened: a rejection that nobody handled, a damaged record. */
export interface Complaint {
  readonly type: 'complaint'
  readonly at: number
  readonly text: string
}

/**
 * A time in which the store had announced that it may lose what it acknowledges: `saves` only, or `all`.
 * It stands in the history when it is over, and concerns what was acknowledged since `from`.
 */
export interface Window {
  readonly type: 'window'
  readonly from: number
  readonly to: number
  readonly loses: 'saves' | 'all'
}

/** What happened, in the order in which the clients saw it. */
export type Entry = Begun | Ended | Complaint
