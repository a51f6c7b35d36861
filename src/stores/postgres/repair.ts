import { plainArray } from './arrays.ts'
import type { Database, Row } from './database.ts'
import { REVISION, type Routine } from './dialect.ts'
import type { Names } from './names.ts'

/** What has to be done about the functions. */
export interface Examination {
  /** The statements after which they are as they should be; none when they are. */
  readonly repairs: readonly string[]
  /** Those that this user may not call. */
  readonly forbidden: readonly string[]
}

/** Compares the functions with what they are to be. */
export async function examine(database: Database, names: Names, routines: readonly Routine[]): Promise<Examination> {
  const rows = await database.run(LOOK, [plainArray(routines.map(({ name }) => name)), names.of('_meta')])
  const found = rows.map(madeIn)
  const repairs = routines.flatMap((routine) =>
    repairsOf(
      routine,
      found.filter(({ name }) => name === routine.name),
    ),
  )
  return {
    repairs: repairs.length === 0 ? [] : [whereTheTablesAre(names), ...repairs],
    forbidden: found.filter(({ isCallable }) => !isCallable).map(({ signature }) => signature),
  }
}

/** A function as it is in the database. */
interface Made {
  readonly name: string
  /** With its schema and the types of what it takes. */
  readonly signature: string
  readonly takes: string
  readonly returns: string
  readonly settings: readonly string[]
  readonly body: string
  readonly isCallable: boolean
}

const LOOK = {
  name: '',
  text: `SELECT p.proname::text, p.oid::regprocedure::text, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
    array_to_string(p.proconfig, ','), p.prosrc, has_function_privilege(p.oid, 'EXECUTE')
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_class AS c ON c.relnamespace = p.pronamespace
  WHERE p.proname = ANY ($1::text[]) AND c.oid = to_regclass($2)`,
} as const

function madeIn(row: Row): Made {
  const [name = '', signature = '', takes = '', returns = '', settings = '', body = ''] = row.map(textIn)
  return { name, signature, takes, returns, settings: settings.split(','), body, isCallable: row[6] === true }
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function repairsOf(routine: Routine, found: readonly Made[]): readonly string[] {
  // A newer version made it, and so that it serves this one too.
  if (found.some(({ body }) => revisionOf(body) > REVISION)) return []
  const misfits = found.filter((made) => !fits(made, routine)).map(({ signature }) => `DROP FUNCTION ${signature}`)
  const isRight = found.some((made) => fits(made, routine) && isSame(made, routine))
  return isRight ? misfits : [...misfits, routine.sql]
}

function revisionOf(body: string): number {
  return Number(/^-- sojourn revision (\d+)$/m.exec(body)?.[1] ?? 0)
}

/** Whether it can be replaced as it is. */
function fits(made: Made, routine: Routine): boolean {
  return plain(made.takes) === plain(routine.takes) && plain(made.returns) === plain(routine.returns)
}

/** Types as the catalogue writes them differ from ours in spaces only. */
function plain(types: string): string {
  return types.replaceAll(/\s+/g, ' ').replace('TABLE (', 'TABLE(').trim()
}

function isSame({ body, settings }: Made, routine: Routine): boolean {
  return body === routine.body && settings.toSorted().join() === routine.settings.toSorted().join()
}

// Where no schema was given, what is made lands in the first one of the search path, which may be another.
function whereTheTablesAre(names: Names): string {
  return `SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.oid = to_regclass('${names.of('_meta')}')`
}
