import type { Deed, Result } from '../requests.ts'
import type { FindingKind } from './findings.ts'

/** A request as the checker knows it; instants are places in the history. */
export interface Op {
  readonly op: number
  readonly deed: Deed
  readonly token?: Token
  readonly begunAt: number
  /** The same by the clock, in milliseconds. */
  readonly begunTime: number
  /** `Infinity` while it is under way. */
  endedAt: number
  endedTime: number
  /** `loose`: done, and it may have been lost with the session by right. */
  result: Result | 'under way' | 'loose'
}

/** From when on something must be found dead, in places of the history and by the clock, and what it is when it lives. */
export interface Death {
  readonly at: number
  readonly time: number
  readonly means: FindingKind
}

/** What one visitor does from arrival to departure: the data travel with it through logins and rotations. */
export interface Life {
  readonly name: string
  /** Those that leave a trace, by the trace. */
  readonly changes: Map<string, Op>
  readonly increments: Op[]
  readonly takes: Map<number, Op[]>
  /** Traces that were seen, and when for the first time. */
  readonly seen: Map<string, number>
  /** Counts that were seen, each with its time; both grow. */
  readonly counts: { readonly at: number; readonly count: number }[]
  /** Counts that increments gave. */
  readonly given: Map<number, Op>
  /** Things that were given out, to whom. */
  readonly taken: Map<number, Op>
  /** What was begun before may concern a session that has ended, and whose data did not go over. */
  looseUntil: number
}

/** A session as the application names it: one handle, one token at a time. */
export interface Session {
  readonly life: Life | undefined
  readonly subject: string | undefined
  readonly handle: string | undefined
  /** What made it. */
  readonly born: Op
  /** When it was certainly there, by place in the history. */
  readonly thereSince: number
  /** When the limit's order last placed it: its sign-in or its last elevation. */
  placedAt: number
  readonly tokens: Token[]
  /** What may end it, refused ones taken out. */
  readonly enders: Set<Op>
  /** What may replace its token. */
  readonly replacers: Set<Op>
  /** Its sign-in may have found the session before it ended, with all that was in it. */
  mayBeEmpty: boolean
  /** The session before it, where that may have been ended by a call that arrived late; only when it is empty this is known. */
  lateBefore: Session | undefined
  death: Death | undefined
}

/** What a client was given. */
export interface Token {
  readonly number: number
  readonly session: Session
  readonly level: number
  readonly issuer: Op
  /** Where in the history it arrived. */
  readonly issuedAt: number
  death: Death | undefined
}

export function newLife(name: string): Life {
  return {
    name,
    changes: new Map(),
    increments: [],
    takes: new Map(),
    seen: new Map(),
    counts: [],
    given: new Map(),
    taken: new Map(),
    looseUntil: 0,
  }
}

/** Whether one thing must have been over when the other began. */
export function isBefore(earlier: { readonly endedAt: number }, later: { readonly begunAt: number }): boolean {
  return earlier.endedAt < later.begunAt
}

/** Whether it may have taken effect, and before the end of the other. */
export function mayPrecede(cause: Op, other: { readonly endedAt: number }): boolean {
  return cause.result !== 'refused' && cause.begunAt < other.endedAt
}

/** Until when it may take effect: a call that was given up may still wait in a client or on the way. */
export function lastMoment({ result, endedAt }: Op): number {
  return result === 'unknown' ? Infinity : endedAt
}

/** The earlier of two deaths. */
export function earlier(one: Death | undefined, other: Death): Death {
  return one !== undefined && one.at <= other.at && one.time <= other.time ? one : other
}

/** Whether what died then must be dead for whoever asks from the beginning of this request on. */
export function isDueDead(death: Death | undefined, asker: Op): death is Death {
  return death !== undefined && death.at < asker.begunAt && death.time < asker.begunTime
}
