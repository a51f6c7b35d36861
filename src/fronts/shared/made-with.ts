import { assertOption, checkFlag, checkFunction, checkNames } from '../../core/options.ts'
import type { ProxyOptions } from './proxy.ts'
import { checkProxyOptions } from './proxy.ts'

/** What most fronts can be told, each of them some of it. */
interface FrontOptions extends ProxyOptions {
  readonly form?: boolean
  readonly body?: unknown
  readonly clientAddress?: unknown
  readonly onError?: unknown
}

/**
 * Checks what a front is made with: wrong options must not come to light with the first request, and some never would.
 * @throws TypeError that names the front and what is wrong.
 */
export function checkFront(front: string, sessions: unknown, options: FrontOptions, names: readonly string[]): void {
  checkManager(front, sessions)
  checkNames(front, options, names)
  checkProxyOptions(front, options)
  checkFlag(`${front}: form`, options.form)
  checkFunction(`${front}: body`, options.body, 'that gives the parsed body of a request')
  checkFunction(`${front}: clientAddress`, options.clientAddress, 'that tells the address of a client')
  checkFunction(`${front}: onError`, options.onError, 'that answers a request that failed')
}

/** The same for a front that has no options, because its framework has them: `others` is what it was given besides. */
export function checkBareFront(front: string, sessions: unknown, others: readonly unknown[], instead: string): void {
  checkManager(front, sessions)
  assertOption(others.length === 0, `${front}: it takes no options; behind a proxy set ${instead}`)
}

function checkManager(front: string, sessions: unknown): void {
  const isManager =
    typeof sessions === 'object' && sessions !== null && typeof Reflect.get(sessions, 'open') === 'function'
  assertOption(isManager, `${front}: expected what createSessions gives, and then the options`)
}
