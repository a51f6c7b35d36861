import { later } from '#platform'
import type { Clock } from '../clock.ts'
import { SessionError, isSessionError } from '../errors.ts'
import type { Emitter } from '../events.ts'
import type { StoreKey } from '../key.ts'

/** Store calls made for one request; one that is repeated after a failure counts once. */
export interface Activity {
  /** Loads. */
  reads: number
  /** Inserts, updates, touches, rotations and deletions. */
  writes: number
}

/** The request that a call is made for. */
export interface Caller {
  readonly activity: Activity
  /** The key of the session that it came with, which tells one visitor from another. */
  readonly presentedKey: StoreKey | undefined
}

/** The operations of a store, as they are named in errors and events. */
export type StoreOperation =
  'get' | 'insert' | 'update' | 'touch' | 'rotate' | 'delete' | 'subjects' | 'clear' | 'sweep' | 'scan'

/** Calls the store with a deadline, counts the call, and turns every failure into a SessionError and an event. */
export interface StoreGuard {
  /** `run` is told whether it runs again, after an attempt that was not answered and may have been done all the same. */
  call<T>(operation: StoreOperation, caller: Caller | undefined, run: (isAgain: boolean) => Promise<T>): Promise<T>
}

// An update that was done and not answered looks like another request's, and would come twice.
const ONCE: readonly StoreOperation[] = ['update', 'clear', 'sweep', 'scan']

/**
 * So many visitors one after the other for whom the store failed are an outage. Visitors and not calls: the session of one
 * may be at fault, or locked by somebody, and all others are served (the requests of one visitor may be many).
 */
const OUTAGE = 5

const LATE = 'store-timeout'

/**
 * A guard for the store. What fails at once is done once more where that is safe, within the same deadline. An operation
 * that is late is not called off: all writes are conditional, so that one which takes effect after its deadline can
 * neither revive a session nor overwrite a newer one.
 *
 * While the store hangs one call at a time waits for it, and the others fail at once: else all requests would come to
 * wait. Nothing is to be waited for afterwards, the first call that is answered ends it.
 */
export function guardStore(name: string, timeout: number, emitter: Emitter, now: Clock): StoreGuard {
  /** Those for whom it has failed since it last answered. */
  const failed = new Set<unknown>()
  let since = 0
  let isHung = false
  let isProbed = false
  return {
    async call(operation, caller, run) {
      if (caller !== undefined) caller.activity[operation === 'get' ? 'reads' : 'writes']++
      const isProbe = isHung && failed.size >= OUTAGE
      if (isProbe && isProbed) throw unavailable(name, `it does not answer; ${operation} was not tried`)
      isProbed ||= isProbe
      try {
        const answer = await attempt(name, timeout, operation, run)
        if (failed.size >= OUTAGE) emitter.emit('recovered', { store: name, since })
        failed.clear()
        return answer
      } catch (error) {
        emitter.emit('store-error', { store: name, operation, error })
        const coded = isSessionError(error) ? error : unavailable(name, `${operation} failed`, error)
        if (isOutage(coded) && !isMistake(error)) {
          isHung = coded.code === LATE
          if (failed.size === 0) since = now()
          if (hasGrownTo(OUTAGE, failed, caller?.presentedKey ?? caller ?? operation)) {
            emitter.emit('outage', { store: name, since })
          }
        }
        throw coded
      } finally {
        if (isProbe) isProbed = false
      }
    },
  }
}

/** Adds it, and tells whether the set has that many by this. It grows no further. */
function hasGrownTo(size: number, set: Set<unknown>, value: unknown): boolean {
  if (set.size >= size || set.has(value)) return false
  return set.add(value).size === size
}

/** Whether the store did not do what it was asked, and may do it again later. */
export function isOutage(error: unknown): boolean {
  return isSessionError(error) && (error.code === 'store-unavailable' || error.code === LATE)
}

// What was asked makes no sense to the store or its driver: it will not the second time, and it says nothing of the server.
// Where calls go by `fetch`, a TypeError is how a failed connection is told, with a cause.
function isMistake(error: unknown): boolean {
  return error instanceof TypeError && error.cause === undefined
}

function unavailable(store: string, what: string, cause?: unknown): SessionError {
  return new SessionError('store-unavailable', `store ${store}: ${what}`, { cause })
}

function attempt<T>(
  store: string,
  timeout: number,
  operation: StoreOperation,
  run: (isAgain: boolean) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const answer = run(false)
    let isLate = false
    const cancel = later(timeout, () => {
      isLate = true
      reject(new SessionError(LATE, `store ${store}: ${operation} did not answer within ${timeout} ms`))
    })
    const done = (value: T): void => {
      cancel()
      resolve(value)
    }
    const fail = (error: Error): void => {
      cancel()
      reject(error)
    }
    answer.then(done, (error: Error) => {
      if (isLate || ONCE.includes(operation) || isMistake(error)) fail(error)
      else again(run).then(done, fail)
    })
  })
}

// Asynchronous, so that what it throws is a rejection too.
async function again<T>(run: (isAgain: boolean) => Promise<T>): Promise<T> {
  return run(true)
}
