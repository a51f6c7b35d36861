import type { ambient } from '#platform'
import type { Answer, Carrier, RequestFacts } from '../web/carrier.ts'
import type { Config } from '../config.ts'
import type { Outcome } from '../web/response.ts'
import type { Document } from '../data/document.ts'
import { openDocument } from '../data/document.ts'
import { SessionError } from '../errors.ts'
import type { Emitter } from '../events.ts'
import type { Activity, StoreGuard } from './guard.ts'
import type { Late } from './late.ts'
import type { Line } from './joint-save.ts'
import type { StoreKey } from '../key.ts'
import type { Meta } from '../record.ts'
import { newHandle } from '../record.ts'
import type { SessionRecord, Store } from '../store.ts'
import type { Token } from '../token.ts'
import { mintToken } from '../token.ts'
import type { UnderWay } from './under-way.ts'

/** What all sessions of one manager share. */
export interface Engine<Data extends object> {
  readonly config: Config<Data>
  readonly store: Store
  readonly guard: StoreGuard
  readonly emitter: Emitter
  /** Keys whose use is being written down at this moment, so that a burst of requests makes one touch (DOS-19). */
  readonly touching: Set<StoreKey>
  /** The session whose update the running code is part of. */
  readonly updating: ReturnType<typeof ambient<ReadonlySet<unknown>>>
  /** What is being looked at or saved after its response has begun. */
  readonly late: Set<Promise<void>>
  readonly underWay: UnderWay<Data>
  /** The saves that have lost against others and wait to be made together. */
  readonly lines: Map<StoreKey, Line<Data>>
  /** Starts a sweep in the background when one is due. */
  readonly sweepWhenDue: () => void
}

/**
 * `fresh`: no record; one is made when there is something to keep.
 * `live`: loaded from the store, or made by this request.
 * `ended`: destroyed by this request; what is written now is never stored.
 * `gone`: found to have ended; as `ended`, but what is written now, and was not stored before, makes the commit fail.
 * `superseded`: the token was replaced a moment ago; as `gone`, and the response sends no cookie.
 * `degraded`: the store could not be read, and the application asked to be served all the same: never stored, no cookie.
 * `ambiguous`: the request showed several tokens; as degraded, and verbs that write are refused.
 */
export type Phase = 'fresh' | 'live' | 'ended' | 'gone' | 'superseded' | 'degraded' | 'ambiguous'

/** A record in the store, as this request knows it. */
export interface Live {
  readonly key: StoreKey
  readonly record: SessionRecord
  readonly meta: Meta
  /** Reached with the old token during the grace of a rotation: the new token is not known here. */
  readonly isGraceful: boolean
}

/** A write of the data that may have been done, or not. */
export interface Unanswered {
  /** The version that it would have replaced. */
  readonly from: number
  /** The text that it would have stored. */
  readonly text: string
  /**
   * The session's own content at that moment, if the application has seen it: an update stores more than that, and so does
   * a save that was made together with others.
   */
  readonly basis: string | undefined
}

/** Makes a commit, and may carry more than it gave. */
export type AroundCommit = (
  commit: () => Outcome | undefined | Promise<Outcome | undefined>,
) => Promise<Outcome | undefined>

/** One request's view of its session. */
export interface State<Data extends object> {
  readonly engine: Engine<Data>
  readonly facts: RequestFacts
  readonly url: string
  readonly isReadOnly: boolean
  /** Whether a response follows that can carry a token to the client. */
  readonly hasResponse: boolean
  readonly late: Late
  readonly activity: Activity
  /** The key of the token that the request presented, whatever it opened. */
  presentedKey: StoreKey | undefined
  /** The keys of the tokens among which the request leaves open which counts; none otherwise. */
  rivals: readonly StoreKey[]
  /** Where a record lies that cannot be read: it counts as absent, and logging out or in ends it all the same. */
  unreadableKey: StoreKey | undefined
  /** Whether an older secret signed the token: the client gets it signed anew, once the store has been seen to know it. */
  isOutdated: boolean
  /** The store operation that is under way; see {@link inTurn}. */
  turn: Promise<unknown> | undefined
  answer: Answer | undefined
  phase: Phase
  carrier: Carrier
  token: Token | undefined
  /** The public name; of a fresh session, the one it will have. */
  handle: string | undefined
  live: Live | undefined
  /** The record as it was when it was found gone from its key. A logout ends it wherever it lives now. */
  lost: SessionRecord | undefined
  readonly document: Document<Data>
  /** The idle limit that this request has asked for, in milliseconds; to be kept with the record. */
  idle: number | undefined
  /** Saves that the store never answered: of those from one version, at most one was done. */
  unanswered: readonly Unanswered[]
  /** Whether there are changes that can never be stored, because others have ended the session, and nobody was told. */
  hasLost: boolean
  /** Whether the request has destroyed its session: what it writes from then on is dropped. */
  isDestroyed: boolean
  isStarted: boolean
  isNew: boolean
  /** Stands around each commit; for a front with rules of its own about what a response carries. */
  aroundCommit?: AroundCommit
  /** Whether the application looked at the session in any way, so that the response depends on it. */
  isTouched: boolean
  /** Where it lies among the requests under way, or -1. */
  place: number
  /** Whether the response has begun: what it carries is told to the client. */
  isCommitted: boolean
  handsToken: boolean
  clearsToken: boolean
  clearsSiteData: boolean
}

const NONE: readonly StoreKey[] = []

/** How a request is served. */
interface Service extends Pick<Late, 'isSaved'> {
  readonly carrier: Carrier
  readonly url: string
  readonly isReadOnly: boolean
  readonly hasResponse: boolean
}

/** A state without a record. */
export function freshState<Data extends object>(
  engine: Engine<Data>,
  facts: RequestFacts,
  service: Service,
): State<Data> {
  return {
    engine,
    facts,
    url: service.url,
    isReadOnly: service.isReadOnly,
    hasResponse: service.hasResponse,
    late: { isSaved: service.isSaved, hasLeft: false, isLookDue: false, closing: undefined },
    activity: { reads: 0, writes: 0 },
    presentedKey: undefined,
    rivals: NONE,
    unreadableKey: undefined,
    isOutdated: false,
    turn: undefined,
    answer: undefined,
    phase: 'fresh',
    carrier: service.carrier,
    token: undefined,
    handle: undefined,
    live: undefined,
    lost: undefined,
    document: openDocument(engine.config.rules),
    idle: undefined,
    unanswered: [],
    hasLost: false,
    isDestroyed: false,
    isStarted: false,
    isNew: true,
    isTouched: false,
    place: -1,
    isCommitted: false,
    handsToken: false,
    clearsToken: false,
    clearsSiteData: false,
  }
}

/**
 * Lets one store operation of a request end before the next begins: of two saves at once, or a save and a login, the
 * second goes on from where the first has led, and one visitor never gets two records.
 */
export function inTurn<Data extends object, T>(state: State<Data>, run: () => Promise<T>): Promise<T> {
  const result = state.turn === undefined ? run() : state.turn.then(run)
  const turn = result.then(
    () => undefined,
    () => undefined,
  )
  state.turn = turn
  void turn.then(() => {
    if (state.turn === turn) state.turn = undefined
  })
  return result
}

/** Turns the state into that of a new, empty session; what the response owes the client stays. */
export function startOver<Data extends object>(state: State<Data>, phase: Phase): void {
  state.phase = phase
  state.token = undefined
  state.handle = undefined
  state.live = undefined
  state.unreadableKey = undefined
  state.isOutdated = false
  state.document.reset()
  state.isStarted = false
  state.isNew = true
  state.handsToken = false
}

/**
 * Makes a fresh session exist: it has a token and a name from now on, and a record at the commit.
 * @param partition where a session that has no token yet is to be stored.
 */
export function begin<Data extends object>(state: State<Data>, partition?: string): void {
  const isOver = state.phase === 'ended' || state.phase === 'gone'
  const isNeeded = state.phase === 'fresh' || isOver
  if (isNeeded && !state.isReadOnly) requireResponse(state)
  if (isOver) startOver(state, 'fresh')
  if (state.phase !== 'fresh' || state.isReadOnly) return
  state.isStarted = true
  state.token ??= mintToken(partition)
  state.handle ??= newHandle()
}

/** The state holds this record from now on. */
export function adopt<Data extends object>(state: State<Data>, live: Live): void {
  state.phase = 'live'
  state.live = live
  state.handle = live.record.handle
}

/** What may hand out a token. */
interface Responding {
  readonly hasResponse: boolean
  readonly late?: Pick<Late, 'hasLeft'>
  readonly engine?: { readonly emitter: Emitter }
}

/** A new token that nobody is told of would lock the visitor out, or leave a record that nobody can reach. */
export function requireResponse({ hasResponse, late, engine }: Responding): void {
  if (hasResponse && late?.hasLeft !== true) return
  if (!hasResponse) {
    throw new SessionError(
      'unsupported',
      'session: no response can carry a new token here; do this in an ordinary request',
    )
  }
  const message =
    'session: the response has begun and can carry no token any more; begin a session (`start`), sign in or out, and ' +
    'rotate before its first byte'
  // Also told apart from the error: after the first byte it may well reach nobody.
  engine?.emitter.warn(message)
  throw new SessionError('unsupported', message)
}

/** A session that begins, or a change, would be answered as if it were there with the next request. */
export function requireOneToken(state: { readonly phase: Phase }): void {
  if (state.phase !== 'ambiguous') return
  throw new SessionError(
    'ambiguous',
    'session: the request showed several tokens under one name, so nothing was done; what could be cleared is cleared, ' +
      'send the request again, and name cookies of earlier configurations in cookie.retired',
  )
}

/**
 * Within the grace of a rotation the old token still opens the session, but whoever comes with it may not take the session
 * over: the new token, which the owner may have, would be dead.
 */
export function requirePresentToken<Data extends object>({ live }: State<Data>): void {
  if (live?.isGraceful !== true) return
  throw new SessionError('superseded', 'session: its token was replaced a moment ago; do this in a new request')
}
