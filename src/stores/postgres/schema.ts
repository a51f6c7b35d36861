import { SessionError } from '../../core/errors.ts'
import { checkNames, checkedCount, optionNames } from '../../core/options.ts'
import type { Database } from './database.ts'
import { dialectOf, type Routine } from './dialect.ts'
import { describe, stateOf, withoutValues } from './errors.ts'
import { checkPlace, namesOf, type Names, type Place } from './names.ts'
import { commonFunctions, recordFunctions } from './record-functions.ts'
import { examine } from './repair.ts'
import { subjectFunctions } from './subject-functions.ts'
import { tablesOf } from './tables.ts'
import { upkeepFunctions } from './upkeep-functions.ts'

/** The version of the tables and functions. A store refuses a database with a higher one. */
export const SCHEMA_VERSION = 1

/** What the tables of a store are to be. */
export interface Layout extends Place {
  /**
   * Into how many tables the sessions are hashed, by the partition in their key; all of one user's are in one. It cannot
   * be changed later. @defaultValue 0, which is one table
   */
  readonly partitions?: number | undefined
}

/**
 * The SQL that makes everything a store needs, for those who run migrations themselves; it may run again. Run it as one
 * transaction. `store.setup()` does the same.
 * @throws TypeError for wrong names or numbers.
 */
export function postgresSchema(layout: Layout = {}): string {
  checkNames('postgresSchema', layout, NAMES)
  checkLayout('postgresSchema', layout)
  return `${statementsOf(namesOf(layout), layout.partitions ?? 0).join(';\n\n')};\n`
}

const NAMES = optionNames<Layout>({ table: true, schema: true, partitions: true })

/** @throws TypeError for wrong names or numbers. */
export function checkLayout(where: string, layout: Layout): void {
  checkPlace(where, layout)
  checkedCount(`${where}: partitions`, layout.partitions ?? 0, 0, 1024)
}

function statementsOf(names: Names, partitions: number): readonly string[] {
  const { schema } = names
  return [
    // The rights to make a schema are needed only where there is none.
    alone(names),
    ...(schema === undefined
      ? []
      : [
          `DO $sojourn$ BEGIN IF to_regnamespace('"${schema}"') IS NULL THEN CREATE SCHEMA "${schema}"; END IF; END $sojourn$`,
        ]),
    ...tablesOf(names, partitions),
    ...routinesOf(names, partitions).map(({ sql }) => sql),
  ]
}

/** Whoever else is doing this waits here. */
function alone(names: Names): string {
  return `SELECT pg_advisory_xact_lock(${names.lock('setup')})`
}

function routinesOf(names: Names, partitions: number): readonly Routine[] {
  const dialect = dialectOf(names, partitions > 0)
  return [
    ...commonFunctions(dialect),
    ...recordFunctions(dialect),
    ...subjectFunctions(dialect),
    ...upkeepFunctions(dialect),
  ]
}

/** Makes the tables and functions, or what is missing or other. Takes no lock and changes nothing when all is right. */
export async function ensureSchema(database: Database, layout: Layout): Promise<void> {
  const names = namesOf(layout)
  const { partitions = 0 } = layout
  try {
    await checkServer(database)
    if ((await foundIn(database, names)) === undefined) await database.script(postgresSchema(layout))
    const found = await foundIn(database, names)
    if (found === undefined) throw new Error('the tables are not in the search path')
    check(names, found, partitions)
    await ensureFunctions(database, names, routinesOf(names, partitions))
  } catch (error) {
    if (error instanceof SessionError) throw error
    const reason = stateOf(error) === '42501' ? 'this user may not make tables and functions here' : describe(error)
    throw new SessionError('store-unavailable', `postgres: table "${names.table}" cannot be made: ${reason}`, {
      cause: withoutValues(error),
    })
  }
}

async function ensureFunctions(database: Database, names: Names, routines: readonly Routine[]): Promise<void> {
  const { repairs, forbidden } = await examine(database, names, routines)
  if (repairs.length > 0) await database.script([alone(names), ...repairs].join(';\n\n'))
  if (forbidden.length === 0) return
  throw new SessionError(
    'store-unavailable',
    `postgres: the user of this connection lacks the right to EXECUTE ${forbidden.length} functions of the store, ` +
      `such as ${forbidden[0] ?? ''}; grant it`,
  )
}

// What would fail later, at the first login or the first text in another script.
async function checkServer(database: Database): Promise<void> {
  const text = `SELECT current_setting('server_encoding'), current_setting('transaction_isolation')`
  const [[encoding, isolation] = []] = await database.run({ name: '', text }, [])
  if (encoding !== 'UTF8' && encoding !== 'SQL_ASCII') {
    throw new SessionError(
      'unsupported',
      `postgres: the encoding of this database is ${String(encoding)}, which has no place for many characters; ` +
        'use a database with UTF8',
    )
  }
  if (isolation !== 'read committed') {
    throw new SessionError(
      'unsupported',
      `postgres: the transactions of this connection are at '${String(isolation)}', and must be at 'read committed': ` +
        'see default_transaction_isolation',
    )
  }
}

interface Found {
  readonly schema: number
  readonly partitions: number
}

/** What is there; undefined when there is nothing. */
async function foundIn(database: Database, names: Names): Promise<Found | undefined> {
  try {
    const sql = `SELECT schema, partitions FROM ${names.of('_meta')} WHERE id = 1`
    const [row] = await database.run({ name: '', text: sql }, [])
    return row === undefined ? undefined : { schema: Number(row[0]), partitions: Number(row[1]) }
  } catch (error) {
    // No such table, or no such schema.
    if (stateOf(error) === '42P01' || stateOf(error) === '3F000') return undefined
    throw error
  }
}

function check({ table }: Names, found: Found, partitions: number): void {
  if (found.schema > SCHEMA_VERSION) {
    throw new SessionError(
      'unsupported',
      `postgres: table "${table}" has schema ${found.schema}, and this version of sojourn knows ${SCHEMA_VERSION}; ` +
        'upgrade sojourn, or use another table',
    )
  }
  if (found.partitions !== partitions) {
    throw new SessionError(
      'unsupported',
      `postgres: table "${table}" was made with partitions: ${found.partitions}, and that cannot be changed; ` +
        'give the same number, or use another table',
    )
  }
}
