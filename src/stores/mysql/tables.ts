/** The version of the tables below. A store refuses tables of a higher one. */
export const SCHEMA_VERSION = 2

/** How many locks the logins share: two users rarely meet at one, and whoever does waits a few milliseconds. */
export const LOCKS = 256

/** Endings are kept so long for those who watch; the sweep removes older ones. In seconds of the server's clock. */
export const KEPT_SECONDS = 600

/** The names of what belongs to one store, quoted, for statements. */
export interface Names {
  readonly sessions: string
  readonly meta: string
  readonly locks: string
  readonly endings: string
  readonly procedure: (name: ProcedureName) => string
  /** The procedure's name as the server lists it. */
  readonly listed: (name: ProcedureName) => string
  /** An expression for the name of the database. */
  readonly database: string
  /** An expression for the name of the lock under which the procedures are made. */
  readonly setupLock: string
}

/**
 * The procedures, and the version of what each takes and gives. Another version has another name: during a deployment the
 * old procedures serve the old processes.
 */
const VERSIONS = { save: 3, insert: 2, rotate: 2, delete: 2, end: 2, clear: 2, sweep: 2 } as const

export type ProcedureName = keyof typeof VERSIONS

/**
 * @param table checked: letters, digits and `_`. @param database checked likewise; none: that of the connection.
 * Inside a procedure a name without a database means the procedure's own.
 */
export function namesOf(table: string, database?: string): Names {
  const at = database === undefined ? '' : `\`${database}\`.`
  const listed = (name: ProcedureName): string => `${table}_${name}_v${VERSIONS[name]}`
  const schema = database === undefined ? 'DATABASE()' : `'${database}'`
  return {
    sessions: `${at}\`${table}\``,
    meta: `${at}\`${table}_meta\``,
    locks: `${at}\`${table}_locks\``,
    endings: `${at}\`${table}_endings\``,
    procedure: (name) => `${at}\`${listed(name)}\``,
    listed,
    database: schema,
    // The most that a server takes: 64 characters.
    setupLock: `CONCAT('sojourn ', SHA2(CONCAT(${schema}, '.${table}'), 224))`,
  }
}

// One row for each session and each mark. Keys, names and texts are bytes: no collation, character set or trailing space
// plays a part in them. The epoch is the number of `clear` calls before the row's insertion: a row of another epoch is
// gone. The row keeps its id through rotation, so that a scan by id misses nobody.
const sessionsTable = (names: Names): string => `CREATE TABLE IF NOT EXISTS ${names.sessions} (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_key VARBINARY(50) NOT NULL,
  epoch BIGINT NOT NULL,
  state VARBINARY(5) NOT NULL,
  version BIGINT NOT NULL,
  handle VARBINARY(255) NULL,
  subject VARBINARY(1024) NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  moved_to VARBINARY(50) NULL,
  meta LONGBLOB NOT NULL,
  data LONGBLOB NOT NULL,
  UNIQUE KEY by_key (store_key),
  KEY by_expiry (epoch, expires_at),
  KEY by_subject (subject, created_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`

const metaTable = (names: Names): string => `CREATE TABLE IF NOT EXISTS ${names.meta} (
  id TINYINT NOT NULL PRIMARY KEY,
  schema_version INT NOT NULL,
  epoch BIGINT NOT NULL
) ENGINE = InnoDB`

const locksTable = (names: Names): string => `CREATE TABLE IF NOT EXISTS ${names.locks} (
  slot INT NOT NULL PRIMARY KEY
) ENGINE = InnoDB`

const endingsTable = (names: Names): string => `CREATE TABLE IF NOT EXISTS ${names.endings} (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_key VARBINARY(50) NOT NULL,
  ended_at BIGINT NOT NULL
) ENGINE = InnoDB`

const lockRows = (names: Names): string =>
  `INSERT IGNORE INTO ${names.locks} (slot) VALUES ${Array.from({ length: LOCKS }, (_, slot) => `(${slot})`).join(', ')}`

/** The statements that make the tables; each changes nothing where it was done before. */
export function tableStatements(names: Names): readonly string[] {
  return [sessionsTable(names), metaTable(names), locksTable(names), endingsTable(names), lockRows(names)]
}

/** The last statement: what says that all the others were done. */
export function versionStatement(names: Names): string {
  return `INSERT INTO ${names.meta} (id, schema_version, epoch) VALUES (1, ${SCHEMA_VERSION}, 0)
  ON DUPLICATE KEY UPDATE schema_version = GREATEST(schema_version, ${SCHEMA_VERSION})`
}
