import type { Answer } from '../../core/web/carrier.ts'
import type { SessionErrorCode } from '../../core/errors.ts'
import { isSessionError } from '../../core/errors.ts'

/**
 * The status for an error. 503 says that trying again later may help. None of these answers clears the cookie: the
 * session may well be alive, only out of reach.
 */
export function statusOf(error: unknown): number {
  if (!isSessionError(error)) return 500
  if (MAY_PASS.has(error.code)) return 503
  return error.code === 'csrf' ? 403 : 500
}

/**
 * The error with what the frameworks' own error handling reads: its status, that its message is not for clients, and
 * headers. An error that says its status already stays as it is.
 */
export function withStatus(error: unknown): Error {
  if (!(error instanceof Error)) return withStatus(new Error('the session failed', { cause: error }))
  if ('status' in error) return error
  const status = statusOf(error)
  return Object.assign(error, { status, statusCode: status, expose: false, headers: { 'Cache-Control': 'no-store' } })
}

/**
 * What answers when neither the application nor its framework has an answer of its own: it tells the client nothing but
 * the status, and no cache keeps it.
 */
export function plainAnswer(error: unknown): Answer {
  const status = statusOf(error)
  return { status, headers: NOT_STORED, cookies: [], body: TEXTS.get(status) ?? 'Internal Server Error' }
}

const NOT_STORED: Answer['headers'] = [
  ['content-type', 'text/plain; charset=utf-8'],
  ['cache-control', 'no-store'],
]

const TEXTS: ReadonlyMap<number, string> = new Map([
  [403, 'Forbidden'],
  [503, 'Service Unavailable'],
])

const MAY_PASS: ReadonlySet<SessionErrorCode> = new Set(['store-unavailable', 'store-timeout', 'conflict', 'closed'])
