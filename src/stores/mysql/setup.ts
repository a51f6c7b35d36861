import { SessionError } from '../../core/errors.ts'
import type { Ask, MysqlPool } from './client.ts'
import { withConnection } from './client.ts'
import { isRace, numberOf } from './errors.ts'
import { createStatement, differencesIn, routinesOf } from './routines.ts'
import type { Names } from './tables.ts'
import { SCHEMA_VERSION, tableStatements, versionStatement } from './tables.ts'
import { numberIn, textIn } from './values.ts'

const NO_SUCH_TABLE = 1146
const PROCEDURE_EXISTS = 1304
// While tables are made, requests may be under way.
const ATTEMPTS = 20
const LONGEST_SETUP_SECONDS = 60

// A procedure runs under the mode in which it was made, whatever the connection's: here nothing is ever cut silently.
const MODE = `SET @sojourn_sql_mode = @@SESSION.sql_mode,
  SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`
const MODE_BACK = 'SET SESSION sql_mode = @sojourn_sql_mode'

/** All statements that `setup` executes on an empty database, for those who run migrations themselves. */
export function schemaStatements(names: Names): readonly string[] {
  const procedures = routinesOf(names).map((routine) => createStatement(names, routine))
  return [MODE, ...tableStatements(names), ...procedures, versionStatement(names), MODE_BACK]
}

/** Makes or upgrades the tables and procedures; changes nothing where they are up to date. */
export async function ensureSchema(pool: MysqlPool, names: Names): Promise<void> {
  await withConnection(pool, async (ask) => {
    // Nearly always all is there, and there may be no right to change anything.
    if ((await schemaOf(ask, names)) === SCHEMA_VERSION && (await differencesIn(ask, names)).length === 0) return
    // Ends with the connection, which is closed when anything fails.
    const [row] = await ask(`SELECT GET_LOCK(${names.setupLock}, ${LONGEST_SETUP_SECONDS})`)
    if (numberIn(row?.[0] ?? 0) !== 1) {
      throw new SessionError('store-unavailable', 'mysql: another process has been setting up for a minute')
    }
    await makeSchema(ask, names)
    await ask(`SELECT RELEASE_LOCK(${names.setupLock})`)
  })
}

async function makeSchema(ask: Ask, names: Names): Promise<void> {
  const isNew = (await schemaOf(ask, names)) < SCHEMA_VERSION
  if (isNew) for (const sql of tableStatements(names)) await patiently(() => ask(sql))
  await ask(MODE)
  const [version] = await ask('SELECT VERSION()')
  const isMariadb = textIn(version?.[0]).includes('MariaDB')
  for (const { routine, isThere } of await differencesIn(ask, names)) {
    // MySQL cannot replace: for a moment there is none.
    if (isThere && !isMariadb) await ask(`DROP PROCEDURE IF EXISTS ${names.procedure(routine.name)}`)
    const sql = createStatement(names, routine, isThere && isMariadb ? 'CREATE OR REPLACE' : 'CREATE')
    await patiently(() => ask(sql))
  }
  await ask(MODE_BACK)
  if (isNew) await patiently(() => ask(versionStatement(names)))
}

/**
 * 0 when there are no tables yet, or not all of them.
 * @throws SessionError `unsupported` when a newer version made them.
 */
async function schemaOf(ask: Ask, names: Names): Promise<number> {
  try {
    const [row] = await ask(`SELECT schema_version FROM ${names.meta} WHERE id = 1`)
    const version = row === undefined ? 0 : numberIn(row[0])
    if (version <= SCHEMA_VERSION) return version
    throw new SessionError(
      'unsupported',
      `mysql: the tables have schema ${version}, and this version of sojourn knows ${SCHEMA_VERSION}; upgrade sojourn`,
    )
  } catch (error) {
    if (numberOf(error) === NO_SUCH_TABLE) return 0
    throw error
  }
}

async function patiently(fn: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await fn()
      return
    } catch (error) {
      if (numberOf(error) === PROCEDURE_EXISTS) return
      if (attempt === ATTEMPTS || !isRace(error)) throw error
    }
  }
}
