import type { Names } from './names.ts'

/**
 * The columns of a record or mark as the functions give them, in this order, after those of their own.
 * `rows.ts` reads them by position.
 */
export const RECORD = 'state, version, created_at, seen_at, expires_at, handle, subject, moved_to, meta, data'
export const RECORD_TYPES: string =
  'state text, version integer, created_at bigint, seen_at bigint, expires_at bigint, handle text, subject text, ' +
  'moved_to text, meta text, data text'

/** The tables and indexes of version 1. @param partitions 0 for a table in one piece. */
export function tablesOf(names: Names, partitions: number): readonly string[] {
  return [sessions(names, partitions), ...leaves(names, partitions), ...indexes(names), ...meta(names, partitions)]
}

// One row for each session and each mark. The epoch is the number of `clear` calls before the row's insertion: a row of
// an older epoch is gone, so that ending every session is one write. "C": keys are opaque bytes, and compare fast.
function sessions(names: Names, partitions: number): string {
  return `CREATE TABLE IF NOT EXISTS ${names.of()} (${partitions > 0 ? '\n  part text COLLATE "C" NOT NULL,' : ''}
  key text COLLATE "C" NOT NULL,
  state text NOT NULL CHECK (state IN ('live', 'moved', 'dead')),
  version integer NOT NULL,
  epoch bigint NOT NULL,
  created_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  handle text COLLATE "C",
  subject text COLLATE "C",
  moved_to text COLLATE "C",
  meta text NOT NULL,
  data text NOT NULL,
  PRIMARY KEY (${partitions > 0 ? 'part, ' : ''}key)
)${partitions > 0 ? ' PARTITION BY HASH (part)' : ''}`
}

function leaves(names: Names, partitions: number): readonly string[] {
  return Array.from(
    { length: partitions },
    (_, n) =>
      `CREATE TABLE IF NOT EXISTS ${names.of(`_p${n}`)} PARTITION OF ${names.of()} ` +
      `FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${n})`,
  )
}

function indexes(names: Names): readonly string[] {
  return [
    `CREATE INDEX IF NOT EXISTS ${names.index('_expires_at')} ON ${names.of()} (epoch, expires_at)`,
    `CREATE INDEX IF NOT EXISTS ${names.index('_subject')} ON ${names.of()} (subject, created_at)
  WHERE subject IS NOT NULL`,
  ]
}

// `listening_until` and `polling_until`: until then somebody wants to hear of endings, in that way.
function meta(names: Names, partitions: number): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${names.of('_meta')} (
  id integer PRIMARY KEY CHECK (id = 1),
  schema integer NOT NULL,
  partitions integer NOT NULL,
  epoch bigint NOT NULL,
  listening_until timestamptz NOT NULL,
  polling_until timestamptz NOT NULL
)`,
    `INSERT INTO ${names.of('_meta')} VALUES (1, 1, ${partitions}, 0, '-infinity', '-infinity')
  ON CONFLICT (id) DO NOTHING`,
    `CREATE TABLE IF NOT EXISTS ${names.of('_endings')} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  key text COLLATE "C"
)`,
    `CREATE INDEX IF NOT EXISTS ${names.index('_endings_xid')} ON ${names.of('_endings')} (xid)`,
    `CREATE INDEX IF NOT EXISTS ${names.index('_endings_told_at')} ON ${names.of('_endings')} (told_at)`,
  ]
}
