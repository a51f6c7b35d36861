import { later } from '#platform'
import { SessionError } from '../../core/errors.ts'

/** Rejects when the promise has not been settled in time; what it was for may still be done. */
export function withDeadline<R>(milliseconds: number, promise: Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    const cancel = later(milliseconds, () => {
      reject(new SessionError('store-timeout', `postgres: no answer within ${milliseconds} ms`))
    })
    promise.then(resolve, reject).finally(cancel)
  })
}
