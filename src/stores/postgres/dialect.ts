import type { Names } from './names.ts'
import { RECORD } from './tables.ts'

/** Pieces of SQL that depend on the names, and on whether the table is in partitions. */
export interface Dialect {
  readonly names: Names
  /** The quoted name of a function. */
  readonly call: (name: FunctionName) => string
  /** Condition: the row `s` is the one under this key. */
  readonly at: (key: string) => string
  /** Condition: the row `s` is under one of these keys. */
  readonly among: (keys: string) => string
  /** Condition: the row `s` comes behind the one under this key, in the order of {@link Dialect.order}. */
  readonly behind: (key: string) => string
  /** The order of the primary key. */
  readonly order: string
  /** Condition: the row `s` is of the subject in `_subject`. */
  readonly owned: string
  /** Statement: stores a row unless something live or a mark is under its key. */
  readonly insertion: (values: Readonly<Record<InsertColumn, string>>) => string
  /** The function whole. */
  readonly define: (name: FunctionName, definition: Definition) => Routine
}

/** What is particular to a function of the database. */
export interface Definition {
  readonly takes: string
  readonly returns: string
  readonly declares?: string
  /** Settings for the time that it runs, beside those that all have. */
  readonly sets?: readonly string[]
  readonly does: string
}

/** A function of the database, in the pieces that the catalogue has of it. */
export interface Routine {
  /** Its name, without quotation marks and schema. */
  readonly name: string
  readonly takes: string
  readonly returns: string
  /** As in `jit=off`. */
  readonly settings: readonly string[]
  readonly body: string
  /** The statement that makes or replaces it. */
  readonly sql: string
}

/**
 * Stands in the body of every function, and is to grow with each change of any of them: set-up replaces what has another
 * body, unless it has a higher number, for then a newer version of this store made it so that it serves this one too.
 */
export const REVISION = 1

/** What the functions are called, behind the name of the table and their number. */
export type FunctionName =
  | 'get'
  | 'update'
  | 'touch'
  | 'insert'
  | 'delete'
  | 'admit'
  | 'rotate'
  | 'list'
  | 'count'
  | 'end_handle'
  | 'end_subject'
  | 'clear'
  | 'sweep'
  | 'scan'
  | 'watch'
  | 'poll'
  | 'decide'
  | 'tell'
  | 'serialise'
  | 'make_room'

const INSERT_COLUMNS = [
  'key',
  'version',
  'created_at',
  'seen_at',
  'expires_at',
  'handle',
  'subject',
  'meta',
  'data',
] as const
type InsertColumn = (typeof INSERT_COLUMNS)[number]

/**
 * Conditions on the row `s`. The clock's value comes as a parameter: the server's own clock decides nothing. The zeros keep
 * the server from taking the index of deadlines, in which nearly every row is present: a plan that was made while the
 * table was empty, and kept, read the whole index for each session.
 */
export const PRESENT = 's.expires_at + 0 > _at AND s.epoch + 0 = _epoch'
export const LIVE: string = `s.state = 'live' AND ${PRESENT}`
/** The columns of the row `s` that {@link RECORD} names. */
export const ROW: string = RECORD.replaceAll(/\w+/g, 's.$&')

/** So long a statement waits for what another transaction holds. */
export const LONGEST_WAIT_MS = 1_500

// Plans that read more than they must are out of the question, but one that was kept since the table was small, or that
// was made without knowing how few rows are wanted, may do it.
// No statement waits on the server much longer than its caller does, who gives up after two seconds by default.
const SETTINGS = ['enable_seqscan=off', 'enable_bitmapscan=off', 'jit=off', `lock_timeout=${LONGEST_WAIT_MS}`]

// A function that takes or gives something else gets another number: processes of an older version still call the old one.
const SECOND: ReadonlySet<FunctionName> = new Set(['update', 'touch', 'insert', 'delete'])

function suffixOf(name: FunctionName): string {
  return `_v${SECOND.has(name) ? 2 : 1}_${name}`
}

/** The pieces for one store. */
export function dialectOf(names: Names, isPartitioned: boolean): Dialect {
  const call = (name: FunctionName): string => names.of(suffixOf(name))
  const target = isPartitioned ? 'part, key' : 'key'
  return {
    names,
    call,
    at: (key) => `s.key = ${key}${isPartitioned ? ` AND s.part = substr(${key}, 4, 3)` : ''}`,
    // Two arrays would be tried in all their combinations.
    among: (keys) =>
      isPartitioned
        ? `(s.part, s.key) IN (SELECT substr(k, 4, 3), k FROM unnest(${keys}) AS k)`
        : `s.key = ANY (${keys})`,
    behind: (key) => (isPartitioned ? `(s.part, s.key) > (substr(${key}, 4, 3), ${key})` : `s.key > ${key}`),
    order: isPartitioned ? 's.part, s.key' : 's.key',
    owned: `s.subject = _subject${isPartitioned ? ' AND s.part = _part' : ''}`,
    insertion: (values) => `INSERT INTO ${names.of()} AS s
      (${isPartitioned ? 'part, ' : ''}state, epoch, moved_to, ${INSERT_COLUMNS.join(', ')})
      VALUES (${isPartitioned ? `substr(${values.key}, 4, 3), ` : ''}'live', _epoch, NULL,
        ${INSERT_COLUMNS.map((column) => values[column]).join(', ')})
      ON CONFLICT (${target}) DO UPDATE SET (state, epoch, moved_to, ${INSERT_COLUMNS.slice(1).join(', ')}) =
        ROW ('live', _epoch, NULL, ${INSERT_COLUMNS.slice(1)
          .map((column) => `excluded.${column}`)
          .join(', ')})
      WHERE s.expires_at <= _at OR s.epoch <> _epoch`,
    define: (name, definition) => routineOf(names, name, definition),
  }
}

function routineOf(
  names: Names,
  name: FunctionName,
  { takes, returns, declares = '', sets = [], does }: Definition,
): Routine {
  const settings = [...SETTINGS, ...sets]
  const body = `
#variable_conflict use_column
-- sojourn revision ${REVISION}
DECLARE
  _epoch bigint;
  ${declares}
BEGIN
  ${does.trim()}
END
`
  const sql = `CREATE OR REPLACE FUNCTION ${names.of(suffixOf(name))} (${takes})
RETURNS ${returns} LANGUAGE plpgsql ${settings.map((setting) => `SET ${setting}`).join(' ')}
AS $sojourn$${body}$sojourn$`
  return { name: `${names.table}${suffixOf(name)}`, takes, returns, settings, body, sql }
}

/**
 * Locks the rows under `_keys`, and leaves in `_free` the keys of those that it got; `_all`: of all. It skips what another
 * transaction holds, so that nobody else of a batch waits for it, unless `_patience` says for how many milliseconds to wait.
 */
export function takeRows({ names, among }: Dialect, strength: 'UPDATE' | 'NO KEY UPDATE'): string {
  const take = (clause: string): string => `SELECT array_agg(l.key) INTO _free
      FROM (SELECT s.key FROM ${names.of()} AS s WHERE ${among('_keys')} FOR ${strength}${clause}) AS l;`
  return `IF _patience > 0 THEN
    PERFORM set_config('lock_timeout', _patience::text, true);
    BEGIN
      ${take('')}
    EXCEPTION WHEN lock_not_available THEN
      _free := '{}';
    END;
  ELSE
    ${take(' SKIP LOCKED')}
  END IF;
  _all := coalesce(cardinality(_free), 0) = cardinality(_keys);`
}
/** Settings for a function with {@link takeRows}: without, its plan is made anew for each batch, and costs more than the rest. */
export const TAKING = ['plan_cache_mode=force_generic_plan'] as const
/** What {@link takeRows} needs. */
export const TAKEN = '_free text[]; _all boolean;'
/** Condition: the row of `_item` was taken. */
export const IS_FREE = '_all OR coalesce(_item.key = ANY (_free), false)'

/** Reads the epoch into `_epoch`; for what need not be on the disk before it is answered. */
export function epochFrom(names: Names): string {
  return `SELECT m.epoch INTO STRICT _epoch FROM ${names.of('_meta')} AS m WHERE m.id = 1;`
}

/** Statement without condition: the record in the row `s` becomes a mark. */
export function markAs(names: Names, state: string, movedTo: string, expiry: string): string {
  return `UPDATE ${names.of()} AS s SET state = ${state}, moved_to = ${movedTo}, expires_at = ${expiry}, version = 0,
        created_at = 0, seen_at = 0, handle = NULL, subject = NULL, meta = '', data = ''`
}
