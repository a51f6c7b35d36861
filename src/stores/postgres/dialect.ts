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
  /** `CREATE FUNCTION`. */
  readonly define: (name: FunctionName, definition: Definition) => string
}

/** A function of the database. */
export interface Definition {
  readonly takes: string
  readonly returns: string
  readonly declares?: string
  /** Settings for the time that it runs, beside those that all have. */
  readonly sets?: string
  readonly does: string
}

/** What the functions are called, behind the name of the table and `_v1_`. */
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

/** The pieces for one store. */
export function dialectOf(names: Names, isPartitioned: boolean): Dialect {
  const call = (name: FunctionName): string => names.of(`_v1_${name}`)
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
    // Plans that read more than they must are out of the question, but one that was kept since the table was small, or
    // that was made without knowing how few rows are wanted, may do it.
    define: (
      name,
      { takes, returns, declares = '', sets = '', does },
    ) => `CREATE OR REPLACE FUNCTION ${call(name)} (${takes})
RETURNS ${returns} LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off ${sets}
AS $sojourn$
#variable_conflict use_column
DECLARE
  _epoch bigint;
  ${declares}
BEGIN
  ${does.trim()}
END
$sojourn$`,
  }
}

/** Reads the epoch into `_epoch`; for what need not be on the disk before it is answered. */
export function epochFrom(names: Names): string {
  return `SELECT m.epoch INTO STRICT _epoch FROM ${names.of('_meta')} AS m WHERE m.id = 1;`
}

/** Statement without condition: the record in the row `s` becomes a mark. */
export function markAs(names: Names, state: string, movedTo: string, expiry: string): string {
  return `UPDATE ${names.of()} AS s SET state = ${state}, moved_to = ${movedTo}, expires_at = ${expiry}, version = 0,
        created_at = 0, seen_at = 0, handle = NULL, subject = NULL, meta = '', data = ''`
}
