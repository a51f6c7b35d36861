import { SessionError } from '../../core/errors.ts'
import type { Ask, MysqlPool } from './client.ts'
import { withConnection } from './client.ts'
import { isRace, numberOf } from './errors.ts'
import { procedureStatements } from './procedures.ts'
import type { Names } from './tables.ts'
import { SCHEMA_VERSION, tableStatements, versionStatement } from './tables.ts'
import { numberIn } from './values.ts'

const NO_SUCH_TABLE = 1146
const PROCEDURE_EXISTS = 1304
// Of many processes that set up at one moment, all but one meet the others' locks.
const ATTEMPTS = 20

// A procedure runs under the mode in which it was made, whatever the connection's: here nothing is ever cut silently.
const MODE = `SET @sojourn_sql_mode = @@SESSION.sql_mode,
  SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`
const MODE_BACK = 'SET SESSION sql_mode = @sojourn_sql_mode'

/** All statements that `setup` executes on an empty database, for those who run migrations themselves. */
export function schemaStatements(names: Names): readonly string[] {
  const procedures = Object.values(procedureStatements(names))
  return [MODE, ...tableStatements(names), ...procedures, versionStatement(names), MODE_BACK]
}

/** Makes or upgrades the tables and procedures; changes nothing where they are up to date. */
export async function ensureSchema(pool: MysqlPool, names: Names): Promise<void> {
  await withConnection(pool, async (ask) => {
    const version = await schemaOf(ask, names)
    if (version > SCHEMA_VERSION) {
      throw new SessionError(
        'unsupported',
        `mysql: the tables have schema ${version}, and this version of sojourn knows ${SCHEMA_VERSION}; upgrade sojourn`,
      )
    }
    // Nothing here undoes what another process did, so no lock is needed for any number of them at once.
    if (version < SCHEMA_VERSION) for (const sql of schemaStatements(names)) await patiently(() => ask(sql))
  })
}

/** 0 when there are no tables yet, or not all of them. */
async function schemaOf(ask: Ask, names: Names): Promise<number> {
  try {
    const [row] = await ask(`SELECT schema_version FROM ${names.meta} WHERE id = 1`)
    return row === undefined ? 0 : numberIn(row[0])
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
