import { SessionError } from '../../core/errors.ts'
import { asSessionError } from './faults.ts'
import type { Wire } from './wire.ts'

/** Makes the promises, and knows which are open. */
export interface Pending {
  /** The result is what the function given to `resolve` gives. */
  promise<R>(begin: (resolve: (read: () => R) => void, fail: (error: unknown) => void) => void): Promise<R>
  /** @throws SessionError when the store is closed, or the client has no connection and looks for none. */
  readonly check: () => void
  /** Makes no more, and waits for those that are open. */
  readonly close: () => Promise<void>
}

/** @param onFirst called once, at the first promise. */
export function createPending(wire: Wire, onFirst: () => void): Pending {
  let isClosed = false
  let isFirst = true
  let underWay = 0
  const idlers: (() => void)[] = []
  const end = (): void => {
    underWay -= 1
    if (underWay === 0) for (const resolve of idlers.splice(0)) resolve()
  }
  const check = (): void => {
    if (isClosed) throw new SessionError('closed', 'redis: the store is closed')
    wire.check()
  }
  return {
    check,
    promise: (begin) =>
      new Promise((resolve, reject) => {
        check()
        underWay += 1
        const fail = (error: unknown): void => {
          end()
          reject(asSessionError(error))
        }
        begin((read) => {
          try {
            resolve(read())
            end()
          } catch (error) {
            fail(error)
          }
        }, fail)
        if (isFirst) onFirst()
        isFirst = false
      }),
    async close() {
      isClosed = true
      if (underWay > 0) await new Promise<void>((resolve) => idlers.push(resolve))
    },
  }
}
