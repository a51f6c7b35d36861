import { later } from '#platform'
import { SessionError } from '../errors.ts'
import type { Emitter } from '../events.ts'

/** Store calls made for one request. */
export interface Activity {
  /** Loads. */
  reads: number
  /** Inserts, updates, touches, rotations and deletions. */
  writes: number
}

/** The operations of a store, as they are named in errors and events. */
export type StoreOperation =
  'get' | 'insert' | 'update' | 'touch' | 'rotate' | 'delete' | 'subjects' | 'clear' | 'sweep' | 'scan'

/** Calls the store with a deadline, counts the call, and turns every failure into a SessionError and an event. */
export interface StoreGuard {
  call<T>(operation: StoreOperation, activity: Activity | undefined, run: () => Promise<T>): Promise<T>
}

/**
 * A guard for the store of that name. An operation that is late is not called off: all writes are conditional, so that
 * one which takes effect after its deadline can neither revive a session nor overwrite a newer one.
 */
export function guardStore(store: string, timeout: number, emitter: Emitter): StoreGuard {
  return {
    async call(operation, activity, run) {
      if (activity !== undefined) activity[operation === 'get' ? 'reads' : 'writes']++
      try {
        return await beforeDeadline(run, timeout, () => late(store, operation, timeout))
      } catch (error) {
        emitter.emit('store-error', { store, operation, error })
        if (error instanceof SessionError) throw error
        throw new SessionError('store-unavailable', `store ${store}: ${operation} failed`, { cause: error })
      }
    },
  }
}

function late(store: string, operation: string, timeout: number): SessionError {
  return new SessionError('store-timeout', `store ${store}: ${operation} did not answer within ${timeout} ms`)
}

function beforeDeadline<T>(run: () => Promise<T>, timeout: number, fault: () => SessionError): Promise<T> {
  return new Promise((resolve, reject) => {
    const answer = run()
    const cancel = later(timeout, () => reject(fault()))
    answer.then(
      (value) => {
        cancel()
        resolve(value)
      },
      (error: unknown) => {
        cancel()
        reject(error instanceof Error ? error : new Error('the store rejected with no error', { cause: error }))
      },
    )
  })
}
