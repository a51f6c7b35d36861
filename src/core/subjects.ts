import { SessionError } from './errors.ts'
import type { Emitter } from './events.ts'
import { assertOption, checkFunction, checkNames } from './options.ts'
import type { Authentication } from './record.ts'
import { decodeMeta, isHandle, referenceOf } from './record.ts'
import { Session, stateOf } from './session.ts'
import type { Engine } from './engine/state.ts'
import { requirePresentToken, requireResponse } from './engine/state.ts'
import { hasSubjects } from './store.ts'
import type { SessionRecord, Store, SubjectStore } from './store.ts'
import { subjectKeyOf } from './subject-key.ts'

/** One of a user's sessions, as it may be shown to that user. Nothing in it opens a session. */
export interface SessionSummary {
  /** Public name, to end the session by. */
  readonly handle: string
  readonly createdAt: number
  /** Last use that was written down. */
  readonly seenAt: number
  readonly expiresAt: number
  /** Undefined for a session about which a newer version has noted more than this one can read. */
  readonly authentication: Authentication | undefined
}

/** A user's sessions. */
export interface SubjectSessions {
  /** The live ones, oldest first. */
  list(): Promise<readonly SessionSummary[]>
  /** How many live ones there are. */
  count(): Promise<number>
  /**
   * Ends one. False when the user has no such session, as for anything that is no handle, or when a first try has ended it
   * and its answer was lost.
   */
  end(handle: string): Promise<boolean>
  /**
   * Ends all as one step, but `except`, which gets a new token; it ends as well when another request has replaced its
   * token meanwhile. Returns how many have ended; without those of a first try whose answer was lost.
   * @throws SessionError `superseded` when the request of `except` came with a token that a rotation had replaced already.
   * @throws TypeError when `except` is given and is no session: nothing has ended then.
   */
  endAll<Data extends object>(options?: { readonly except?: Session<Data> }): Promise<number>
  /** Ends those that the test picks, such as the ones of an identity provider's session. */
  endWhere(test: (session: SessionSummary) => boolean): Promise<number>
}

/** @throws SessionError `unsupported` when the store has no subjects. */
export function subjectSessions<Data extends object>(engine: Engine<Data>, subject: string): SubjectSessions {
  const { guard, emitter, config } = engine
  const store = withSubjects(engine.store)
  const key = subjectKeyOf(config.namespace, subject)
  const call = <T>(run: (isAgain: boolean) => Promise<T>): Promise<T> => guard.call('subjects', undefined, run)
  const revoke = async (run: () => Promise<boolean | number>): Promise<number> => {
    let isRepeated = false
    const count = Number(await call((isAgain) => ((isRepeated = isAgain), run())))
    // How many an attempt has ended that was not answered nobody knows, but they must be told of.
    if (isRepeated) emitter.emit('revoked', { subject })
    else if (count > 0) emitter.emit('revoked', { subject, count })
    return count
  }
  const list = async (): Promise<readonly SessionSummary[]> =>
    (await call(() => store.listBySubject(key))).map((record) => summaryOf(record, emitter))
  // What is no handle names no session, and what a store would make of it is unknown.
  const end = async (handle: string): Promise<boolean> =>
    isHandle(handle) && (await revoke(() => store.deleteByHandle(key, handle))) > 0

  return {
    list,
    count: () => call(() => store.countBySubject(key)),
    end,
    async endAll(options = {}) {
      const except = exceptIn(options)
      const kept = except?.subject === subject ? except.handle : undefined
      if (kept !== undefined && except !== undefined) {
        requireResponse(except)
        requirePresentToken(stateOf(except))
      }
      const count = await revoke(() => store.deleteBySubject(key, kept))
      if (except === undefined || kept === undefined) return count
      // Whoever had copied the token of the session that stays is to be out as well (ASVS 5.0 7.4.3). When somebody else
      // has replaced that token just now, it cannot be told which of the two is the user: then it ends too.
      const isKept = (await except.rotate({ grace: '0s' })) === 'rotated'
      return isKept || !(await end(kept)) ? count : count + 1
    },
    async endWhere(test) {
      checkFunction('endWhere', test, 'that picks sessions')
      const chosen = (await list()).filter(test)
      const results = await Promise.all(chosen.map((session) => end(session.handle)))
      return results.filter(Boolean).length
    },
  }
}

function withSubjects(store: Store): Store & SubjectStore {
  if (hasSubjects(store)) return store
  throw new SessionError('unsupported', `store ${store.name} does not know whose session is whose`)
}

function exceptIn<Data extends object>(options: {
  readonly except?: Session<Data> | undefined
}): Session<Data> | undefined {
  checkNames('endAll', options, ['except'])
  const { except } = options
  // Else it would end the very session that was meant to stay.
  const isGood = !(options instanceof Session) && (except === undefined || except instanceof Session)
  assertOption(isGood, 'endAll: expected { except: session }, with the session of a request')
  return except
}

function summaryOf(record: SessionRecord, emitter: Emitter): SessionSummary {
  const { handle, createdAt, seenAt, expiresAt } = record
  return { handle, createdAt, seenAt, expiresAt, authentication: authenticationIn(record, emitter) }
}

// One that cannot be read must not hide the others: the user still sees it, and can end it.
function authenticationIn({ handle, meta }: SessionRecord, emitter: Emitter): Authentication | undefined {
  try {
    return decodeMeta(meta).authentication
  } catch (error) {
    emitter.emit('undecodable', { reference: referenceOf(handle), error, data: 'unopened' })
    return undefined
  }
}
