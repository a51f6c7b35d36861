/** What is sent: text that holds no values but numbers, checked keys and bytes in hexadecimal. */
export interface MysqlQuery {
  /** The statement. */
  readonly sql: string
  /** Rows as arrays: columns have no names to mix up. */
  readonly rowsAsArray: true
  /** Not the pool's own setting. */
  readonly nestTables: false
}

/** The part of a connection of a mysql2 pool that the store calls. */
export interface MysqlConnection {
  /** Executes one statement. */
  query(query: MysqlQuery, callback: (error: Error | null, result: unknown) => void): unknown
  /** Gives the connection back. */
  release(): void
  /** Closes the connection; the pool makes a new one when it needs it. */
  destroy(): void
}

/** The part of a pool of `mysql2` that the store calls. */
export interface MysqlPool {
  /** Lends a connection. */
  getConnection(callback: (error: Error | null, connection: MysqlConnection) => void): void
  /** What tells a pool with callbacks from one with promises. */
  promise(): unknown
}

/** A pool of `mysql2/promise`. */
export interface MysqlPromisePool {
  /** The pool with callbacks that it is made on. */
  readonly pool: MysqlPool
}

/** A row, in the order of the statement's columns. */
export type Row = readonly unknown[]

/** One round trip: gives the rows of all results, one after the other. */
export type Ask = (sql: string) => Promise<readonly Row[]>

/** @throws TypeError for what is not a pool. */
export function poolOf(client: unknown): MysqlPool {
  // A pool with promises has a `getConnection` too, and no `promise`.
  if (isPool(client)) return client
  if (typeof client === 'object' && client !== null && 'pool' in client && isPool(client.pool)) return client.pool
  throw new TypeError(
    'mysqlStore: client: expected a pool, as createPool() of mysql2 or mysql2/promise makes it; ' +
      'a single connection cannot be used by several requests at once, and a cluster may read from replicas',
  )
}

function isPool(value: unknown): value is MysqlPool {
  return (
    typeof value === 'object' &&
    value !== null &&
    'getConnection' in value &&
    typeof value.getConnection === 'function' &&
    'promise' in value &&
    typeof value.promise === 'function'
  )
}

/** Lends a connection to `work` and takes it back, or closes it when the work failed. */
export async function withConnection<R>(pool: MysqlPool, work: (ask: Ask) => Promise<R>): Promise<R> {
  const connection = await new Promise<MysqlConnection>((resolve, reject) =>
    pool.getConnection((error, lent) => (error === null ? resolve(lent) : reject(error))),
  )
  try {
    const result = await work((sql) => new Promise((resolve, reject) => query(connection, sql, resolve, reject)))
    connection.release()
    return result
  } catch (error) {
    connection.destroy()
    throw error
  }
}

/**
 * Executes one statement. `isClean` tells after which errors a connection is as before. After any other it is closed: had
 * the call left its transaction open, the next user of the connection would commit the half of it.
 */
export function askOf(pool: MysqlPool, isClean: (error: unknown) => boolean): Ask {
  return (sql) =>
    new Promise((resolve, reject) => {
      pool.getConnection((failure, connection) => {
        if (failure !== null) return reject(failure)
        const done = (rows: readonly Row[]): void => {
          connection.release()
          resolve(rows)
        }
        query(connection, sql, done, (error) => {
          if (isClean(error)) connection.release()
          else connection.destroy()
          reject(error)
        })
      })
    })
}

function query(
  connection: MysqlConnection,
  sql: string,
  resolve: (rows: readonly Row[]) => void,
  reject: (error: Error) => void,
): void {
  connection.query({ sql, rowsAsArray: true, nestTables: false }, (error, result) => {
    if (error === null) resolve(rowsOf(result))
    else reject(error)
  })
}

/** One result is a list of rows; several are a list of them with an object at its end; no result is an object. */
function rowsOf(result: unknown): readonly Row[] {
  const parts: readonly unknown[] = Array.isArray(result) ? result : []
  return isRows(parts) ? parts : parts.flatMap((part) => (Array.isArray(part) ? part.filter(isRow) : []))
}

function isRows(parts: readonly unknown[]): parts is readonly Row[] {
  return parts.length === 0 || Array.isArray(parts.at(-1))
}

function isRow(value: unknown): value is Row {
  return Array.isArray(value)
}
