import { SessionError } from '../../core/errors.ts'

const DUPLICATE = 1062
const LOCK_TIMEOUT = 1205
const DEADLOCK = 1213

/** The server took everything back because somebody else was in the way, and it may be asked again at once. */
export function isRace(error: unknown): boolean {
  const number = numberOf(error)
  // Two insertions under one key: the second look finds the first one's row.
  return number === DEADLOCK || number === DUPLICATE
}

/** The procedure itself has rolled back; its connection is as before. */
export function isRolledBack(error: unknown): boolean {
  return isRace(error) || numberOf(error) === LOCK_TIMEOUT
}

// Killed, late or failed in its commit: such an error may come after the commit.
const INTERRUPTIONS = new Set([1180, 1317, 1969, 3024, 3100])

/**
 * The server itself refused the statement and took all of it back. Of any other error nobody knows whether it was done:
 * the connection broke, or the statement was killed at its end.
 */
export function isRefusal(error: unknown): boolean {
  const number = numberOf(error)
  const state: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'sqlState') : undefined
  const isFatal = error instanceof Error && 'fatal' in error && error.fatal === true
  // Class 08: of the connection.
  const isAnswer = typeof state === 'string' && !state.startsWith('08') && !isFatal
  return isAnswer && number !== undefined && !INTERRUPTIONS.has(number)
}

const REMEDIES: Readonly<Record<number, string>> = {
  1044: 'the user has no rights on the database, or not those of setup(); docs/mysql.md lists those it needs',
  1045: 'the user or the password is wrong',
  1046: 'no database selected; give the pool one, or the store the option database',
  1049: 'there is no such database',
  1142: 'the user lacks a right on the tables; docs/mysql.md lists those it needs',
  1146: 'table not found; run store.setup()',
  [LOCK_TIMEOUT]: 'another transaction kept its lock for too long',
  1213: 'deadlocks kept coming; is another program writing to the tables?',
  1290: 'the server is read-only; is it a replica?',
  1305: 'procedure not found; run store.setup()',
  1317: 'the statement was killed',
  1370: 'the user lacks the right EXECUTE on the procedures, or ALTER ROUTINE to repair them; docs/mysql.md lists those it needs',
  1419: 'the user may not make procedures; docs/mysql.md lists the rights it needs',
  1665: 'the server has binlog_format = STATEMENT; use ROW or MIXED',
  1836: 'the server is read-only; is it a replica?',
}

/** What is told of a row that another transaction holds. */
export function lockedTooLong(): SessionError {
  return new SessionError('store-unavailable', `mysql: ${REMEDIES[LOCK_TIMEOUT]}`)
}

/** The store's own error: with the driver's as its cause, and without its text, which may quote values. */
export function unavailable(error: unknown): SessionError | TypeError {
  if (error instanceof SessionError || error instanceof TypeError) return error
  const number = numberOf(error)
  const remedy = number === undefined ? undefined : REMEDIES[number]
  return new SessionError('store-unavailable', `mysql: ${remedy ?? nameOf(error)}`, { cause: withoutValues(error) })
}

/** An error is logged with what it carries: the driver puts the whole statement there, with keys and data. */
function withoutValues(error: unknown): unknown {
  // The texts about a duplicate and about a value quote it, and the stack quotes the text.
  if (numberOf(error) === DUPLICATE) return new Error('ER_DUP_ENTRY')
  if (isAboutValue(error)) return new Error(nameOf(error))
  if (typeof error === 'object' && error !== null) Reflect.deleteProperty(error, 'sql')
  return error
}

function isAboutValue(error: unknown): boolean {
  return error instanceof Error && 'sqlState' in error && String(error.sqlState).startsWith('22')
}

function nameOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error && numberOf(error) === undefined ? error.message : 'the server refused'
}

/** The server's number of an error. */
export function numberOf(error: unknown): number | undefined {
  const number: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'errno') : undefined
  return typeof number === 'number' && number > 0 ? number : undefined
}
