/** The version of the tables below. A store refuses a file with a higher one. */
export const SCHEMA_VERSION = 1

// One row for each session and each mark. The epoch is the number of `clear` calls before the row's insertion: a row of
// an older epoch is gone, so that ending every session is one write. SQLite keeps the epochs 0 and 1 in no bytes at all.
const TABLE = `CREATE TABLE "{table}" (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  epoch INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'moved', 'dead')),
  version INTEGER NOT NULL,
  handle TEXT,
  subject TEXT,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  moved_to TEXT,
  meta TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT`
const EXPIRY_INDEX = `CREATE INDEX "{table}_expires_at" ON "{table}" (epoch, expires_at)`
const SUBJECT_INDEX = `CREATE INDEX "{table}_subject" ON "{table}" (subject, created_at, handle)
  WHERE subject IS NOT NULL`
const META_TABLE = `CREATE TABLE "{table}_meta" (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema INTEGER NOT NULL,
  epoch INTEGER NOT NULL
) STRICT`
const META_ROW = `INSERT INTO "{table}_meta" (id, schema, epoch) VALUES (1, ${SCHEMA_VERSION}, 0)`

/** What brings a database from the version before to the version of the index; the first makes the tables. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [],
  [TABLE, EXPIRY_INDEX, SUBJECT_INDEX, META_TABLE, META_ROW],
]
export const FIND_META = `SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = '{table}_meta'`
export const READ_SCHEMA = `SELECT schema FROM "{table}_meta" WHERE id = 1`
export const WRITE_SCHEMA: string = `UPDATE "{table}_meta" SET schema = ${SCHEMA_VERSION} WHERE id = 1`

const EPOCH = `(SELECT epoch FROM "{table}_meta" WHERE id = 1)`
// The plus keeps SQLite from taking the index of deadlines, in which nearly every row is present.
const PRESENT = `expires_at > ? AND +epoch = ${EPOCH}`
const LIVE = `state = 'live' AND ${PRESENT}`
// In this order `rows.ts` reads them.
const COLUMNS = 'state, version, handle, subject, created_at, seen_at, expires_at, moved_to, meta, data'

/** The statements by name. */
export type StatementName =
  | 'get'
  | 'findAny'
  | 'deleteAbsent'
  | 'insert'
  | 'update'
  | 'touch'
  | 'move'
  | 'delete'
  | 'countBySubject'
  | 'listBySubject'
  | 'oldestBySubject'
  | 'countOthers'
  | 'isCrowded'
  | 'deleteById'
  | 'deleteByHandle'
  | 'deleteBySubject'
  | 'clear'
  | 'sweepStale'
  | 'sweepExpired'
  | 'lastId'
  | 'pageEnd'
  | 'page'

/** Every statement of the store. `{table}` stands for the checked name; all else travels as a parameter. */
export const SQL: Readonly<Record<StatementName, string>> = {
  get: `SELECT ${COLUMNS} FROM "{table}" WHERE key = ? AND ${PRESENT}`,
  findAny: `SELECT id FROM "{table}" WHERE key = ?`,
  deleteAbsent: `DELETE FROM "{table}" WHERE key = ? AND NOT (${PRESENT})`,
  insert: `INSERT INTO "{table}"
    (key, epoch, state, version, handle, subject, created_at, seen_at, expires_at, moved_to, meta, data)
    VALUES (?, ${EPOCH}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
  update: `UPDATE "{table}" SET version = ?, seen_at = ?, expires_at = ?, meta = ?, data = ?
    WHERE key = ? AND version = ? AND ${LIVE}`,
  touch: `UPDATE "{table}" SET seen_at = max(seen_at, ?), expires_at = max(expires_at, ?) WHERE key = ? AND ${LIVE}`,
  move: `UPDATE "{table}" SET key = ?, version = ?, handle = ?, subject = ?, created_at = ?, seen_at = ?,
    expires_at = ?, meta = ?, data = ? WHERE key = ? AND version = ? AND ${LIVE}`,
  delete: `DELETE FROM "{table}" WHERE key = ? AND ${LIVE}`,
  countBySubject: `SELECT count(*) AS n FROM "{table}" WHERE subject = ? AND ${LIVE}`,
  listBySubject: `SELECT ${COLUMNS} FROM "{table}" WHERE subject = ? AND ${LIVE} ORDER BY created_at, id`,
  oldestBySubject: `SELECT id, handle FROM "{table}" WHERE subject = ? AND ${LIVE} AND key <> ?
    ORDER BY created_at, id LIMIT ?`,
  // Of the index alone, expired ones among them: nearly always it says that nobody needs to be counted.
  isCrowded: `SELECT 1 AS n FROM "{table}" WHERE subject = ? LIMIT 1 OFFSET ?`,
  countOthers: `SELECT count(*) AS n FROM "{table}" WHERE subject = ? AND ${LIVE} AND key <> ?`,
  deleteById: `DELETE FROM "{table}" WHERE id = ? AND ${LIVE}`,
  deleteByHandle: `DELETE FROM "{table}" WHERE subject = ? AND handle = ? AND ${LIVE}`,
  deleteBySubject: `DELETE FROM "{table}" WHERE subject = ? AND ${LIVE} AND handle IS NOT ?`,
  clear: `UPDATE "{table}_meta" SET epoch = epoch + 1 WHERE id = 1`,
  sweepStale: `DELETE FROM "{table}" WHERE id IN
    (SELECT id FROM "{table}" WHERE epoch < ${EPOCH} LIMIT ?)`,
  sweepExpired: `DELETE FROM "{table}" WHERE id IN
    (SELECT id FROM "{table}" WHERE epoch = ${EPOCH} AND expires_at <= ? LIMIT ?)`,
  lastId: `SELECT max(id) AS n FROM "{table}"`,
  pageEnd: `SELECT max(id) AS n FROM (SELECT id FROM "{table}" WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)`,
  page: `SELECT ${COLUMNS}, key FROM "{table}" WHERE id > ? AND id <= ? AND ${LIVE} ORDER BY id`,
}

/** Those whose rows are read by the places of the columns. */
export const BY_PLACE: readonly StatementName[] = ['get', 'listBySubject', 'page']

/** `SELECT` statements for people with the `sqlite3` tool stand in docs/sqlite.md. */
export function forTable(sql: string, table: string): string {
  return sql.replaceAll('{table}', table)
}
