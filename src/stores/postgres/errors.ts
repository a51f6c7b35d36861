import { SessionError } from '../../core/errors.ts'

/** The SQLSTATE of an error that the server gave; undefined for those of connections and clients. */
export function stateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  // Systems have codes of five letters too, such as EPIPE.
  return /^[0-9A-Z]{5}$/.test(error.code) && /\d/.test(error.code) ? error.code : undefined
}

/** Another transaction was in the way, and this one has changed nothing: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html */
export function isRetryable(error: unknown): boolean {
  const state = stateOf(error)
  return state === '40001' || state === '40P01'
}

/** The server could not do what was asked, because of what it was: the classes for data, constraints and limits. */
export function isAboutData(error: unknown): boolean {
  return /^(?:22|23|54)/.test(stateOf(error) ?? '')
}

/** The server has waited for what another transaction holds, and gave up. */
export function isLockTimeout(error: unknown): boolean {
  return stateOf(error) === '55P03'
}

/** The error for what another transaction did not let go of. */
export function held(): SessionError {
  const reason = 'another transaction holds the row of this session, and did not let go of it in time'
  return new SessionError('store-unavailable', `postgres: ${reason}`)
}

/** The reason in words that hold no data: the server's own texts may quote values. */
export function describe(error: unknown): string {
  const state = stateOf(error)
  if (state !== undefined) return `the server answered with error ${state}`
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return `no connection (${error.code})`
  return 'no connection'
}

const REMEDIES: Readonly<Record<string, string>> = {
  '42P01': 'the tables are not there: run store.setup(), or the SQL of store.schema()',
  '42883': 'the functions are not there: run store.setup(), or the SQL of store.schema()',
  '3F000': 'the schema is not there: run store.setup(), or the SQL of store.schema()',
  '42501':
    'the user of this connection lacks rights on the tables of the store, EXECUTE on its functions, or USAGE on its schema',
  '26000': 'prepared statements do not work on this connection: set prepare: false',
  '42P05': 'prepared statements do not work on this connection: set prepare: false',
  '25006': 'the server takes no writes: connect to the primary',
  '55P03': 'another transaction holds what this one needs, and did not let go of it in time',
  '0A000': "the transactions of this connection must be at 'read committed'",
}

/** The error as the contract asks for it. */
export function asSessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error
  const remedy = REMEDIES[stateOf(error) ?? '']
  const message = `postgres: ${describe(error)}${remedy === undefined ? '' : `; ${remedy}`}`
  return new SessionError('store-unavailable', message, { cause: withoutValues(error) })
}

// What names a place in the schema or in the network. Drivers hang more on an error, some of it so that it cannot be taken
// off: the row, the statement with its values.
const KEPT =
  'code severity errno syscall address port routine schema table column dataType constraint ' +
  'schema_name table_name column_name type_name constraint_name'

/** The driver's error without keys and data: an error is logged with what it carries. */
export function withoutValues(error: unknown): unknown {
  if (!(error instanceof Error) || (stateOf(error) === undefined && !('query' in error))) return error
  // The text of an error about a value quotes the value, and the stack quotes the text.
  const quotes = stateOf(error)?.startsWith('22') === true
  const clean = new Error(quotes ? describe(error) : error.message)
  if (!quotes) Object.defineProperty(clean, 'stack', { value: error.stack, configurable: true, writable: true })
  for (const name of KEPT.split(' ')) if (name in error) Reflect.set(clean, name, Reflect.get(error, name))
  return clean
}
