/** Something that must not happen. */
export type FindingKind =
  /** A sign-in that was acknowledged opens nothing, and nobody can have ended it. */
  | 'sign-in lost'
  /** The same of a session without a user. */
  | 'session lost'
  /** A session that has ended opens. */
  | 'revived'
  /** A token that was replaced opens. */
  | 'old token opens'
  /** A token gives more than it was given out for. */
  | 'privilege under an old token'
  /** A change that was acknowledged is not there. */
  | 'update lost'
  /** A change is there twice, or counted twice. */
  | 'applied twice'
  /** A change is there that was refused. */
  | 'applied though refused'
  /** A thing that can be taken once was given out twice. */
  | 'taken twice'
  /** A client was shown what belongs to another. */
  | "another's data"
  | 'dead session in list'
  | 'live session not in list'
  /** One session twice in a list, or a sign-in that became two. */
  | 'forked'
  /** More sessions than the user may have, or fewer refused than there were. */
  | 'limit not kept'
  /** Told where it happened: a rejection that nobody handled, a record that cannot be read, an unexpected error. */
  | 'complaint'

export interface Finding {
  readonly kind: FindingKind
  /** The operation at whose end it was found. */
  readonly op: number
  readonly detail: string
}

/** What was looked at, to know that the checker had something to see. */
export interface Tally {
  readonly operations: number
  readonly done: number
  readonly refused: number
  readonly unknown: number
  /** Operations acknowledged, by kind. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** Operations without an answer that turned out to have happened. */
  readonly happenedAllTheSame: number
  /** Sessions that nobody holds: a sign-in was sent twice, and the attempt that was not answered was done as well. */
  readonly orphans: number
  /** Sessions ended by a call for all of them from before their sign-in, one of whose two attempts arrived late. */
  readonly endedLate: number
  readonly tokens: number
  readonly comparisons: number
  /** Changes that were acknowledged in a time of announced loss, and of these the ones that are gone. */
  readonly inWindow: number
  readonly lostInWindow: number
}

export interface Verdict {
  readonly findings: readonly Finding[]
  readonly tally: Tally
}
