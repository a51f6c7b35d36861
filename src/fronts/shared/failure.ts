import type { Answer } from '../../core/web/carrier.ts'
import { isSessionError } from '../../core/errors.ts'

/** The status for an error. None of these answers clears the cookie: the session may well be alive, only out of reach. */
export function statusOf(error: unknown): number {
  return isSessionError(error) ? error.status : 500
}

/**
 * The error with what the frameworks' own error handling reads: its status, that its message is not for clients, and
 * headers. An error that says its status already stays as it is.
 */
export function withStatus(error: unknown): Error {
  if (!(error instanceof Error)) return withStatus(new Error('the session failed', { cause: error }))
  const headers = { 'Cache-Control': 'no-store' }
  if (isSessionError(error)) return Object.assign(error, { headers })
  if ('status' in error) return error
  return Object.assign(error, { status: 500, statusCode: 500, expose: false, headers })
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
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [409, 'Conflict'],
  [413, 'Content Too Large'],
  [503, 'Service Unavailable'],
])
