import type { Dialect, Routine } from './dialect.ts'
import { epochFrom, LIVE, markAs, PRESENT, ROW } from './dialect.ts'
import { RECORD, RECORD_TYPES } from './tables.ts'

/** What concerns the sessions of one user; `_part` is the partition of the user. */
export function subjectFunctions(dialect: Dialect): readonly Routine[] {
  return [makeRoom(dialect), admit(dialect), rotate(dialect), ...lists(dialect), ...endings(dialect)]
}

// Gives the handles of the sessions that were ended for one more, which does not count `_replaced`; NULL: there is no
// room. Rows are locked before they are counted, for one that is being ended just now must not cost another its life.
function makeRoom({ names, call, define, among, owned }: Dialect): Routine {
  const others = `${owned} AND ${LIVE} AND s.key <> _replaced`
  return define('make_room', {
    takes: '_subject text, _part text, _replaced text, _max integer, _policy text, _at bigint',
    returns: 'text[]',
    declares: '_keys text[]; _handles text[]; _surplus integer;',
    does: `
  ${epochFrom(names)}
  SELECT count(*) + 1 - _max INTO _surplus FROM ${names.of()} AS s WHERE ${others};
  IF _surplus <= 0 THEN
    RETURN '{}';
  END IF;
  SELECT array_agg(o.key ORDER BY o.created_at, o.key), array_agg(o.handle ORDER BY o.created_at, o.key)
    INTO _keys, _handles
    FROM (SELECT s.key, s.handle, s.created_at FROM ${names.of()} AS s WHERE ${others} ORDER BY s.key FOR UPDATE) AS o;
  _surplus := coalesce(cardinality(_keys), 0) + 1 - _max;
  IF _surplus <= 0 THEN
    RETURN '{}';
  ELSIF _policy = 'reject' THEN
    RETURN NULL;
  END IF;
  _keys := _keys[1:_surplus];
  DELETE FROM ${names.of()} AS s WHERE ${among('_keys')};
  PERFORM ${call('tell')}(_keys);
  RETURN _handles[1:_surplus];`,
  })
}

const NEW_RECORD = {
  key: '_new_key',
  version: '_new_version',
  created_at: '_created',
  seen_at: '_seen',
  expires_at: '_expiry',
  handle: '_handle',
  subject: '_subject',
  meta: '_meta',
  data: '_data',
}
const PART = '_part text := substr(_new_key, 4, 3);'
const NEW_TYPES = `_new_key text, _new_version integer, _created bigint, _seen bigint, _expiry bigint, _handle text,
  _subject text, _meta text, _data text`

/**
 * Makes room where there is a cap, and stores the new record; leaves the function with `refusal` where there is none.
 * First the rows of the subject are looked at as they are, expired ones among them: nearly always they are too few to be
 * counted.
 */
function entry({ names, call, insertion, owned }: Dialect, replaced: string, refusal: string): string {
  return `IF _max IS NOT NULL AND EXISTS (SELECT FROM ${names.of()} AS s WHERE ${owned} OFFSET _max - 1) THEN
    _evicted := ${call('make_room')}(_subject, _part, ${replaced}, _max, _policy, _at);
    IF _evicted IS NULL THEN
      ${refusal}
      RETURN;
    END IF;
  END IF;
  ${insertion(NEW_RECORD)};
  IF NOT FOUND THEN
    -- Somebody stored under the key in between: begin again, with nobody evicted.
    RAISE EXCEPTION 'taken meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;`
}

function admit(dialect: Dialect): Routine {
  const { names, call, define, at } = dialect
  return define('admit', {
    takes: `${NEW_TYPES}, _max integer, _policy text, _at bigint`,
    returns: 'TABLE (outcome text, evicted text)',
    declares: `_evicted text[]; ${PART}`,
    does: `
  _epoch := ${call('decide')}();
  PERFORM ${call('serialise')}(_subject, _max IS NOT NULL);
  IF EXISTS (SELECT FROM ${names.of()} AS s WHERE ${at('_new_key')} AND ${PRESENT}) THEN
    RETURN QUERY SELECT 'exists', NULL;
    RETURN;
  END IF;
  ${entry(dialect, '_new_key', `RETURN QUERY SELECT 'limit', NULL;`)}
  RETURN QUERY SELECT 'inserted', to_json(_evicted)::text;`,
  })
}

// The old row is locked first, and it becomes the mark.
function rotate(dialect: Dialect): Routine {
  const { names, call, define, at } = dialect
  const answer = (outcome: string, evicted = 'NULL::text'): string =>
    `RETURN QUERY SELECT ${outcome}, ${evicted}, ${RECORD.replaceAll(/\w+/g, '_old.$&')};`
  return define('rotate', {
    takes: `_key text, _version integer, ${NEW_TYPES}, _mark text, _moved_to text, _mark_expiry bigint, _max integer,
  _policy text, _at bigint`,
    returns: `TABLE (outcome text, evicted text, ${RECORD_TYPES})`,
    declares: `_old ${names.of()}%ROWTYPE; _evicted text[]; ${PART}`,
    does: `
  _epoch := ${call('decide')}();
  IF _subject IS NOT NULL THEN
    PERFORM ${call('serialise')}(_subject, _max IS NOT NULL);
  END IF;
  SELECT s.* INTO _old FROM ${names.of()} AS s WHERE ${at('_key')} AND ${PRESENT} FOR UPDATE;
  IF _old.state IS DISTINCT FROM 'live' OR _old.version <> _version THEN
    ${answer(`CASE _old.state WHEN 'live' THEN 'conflict' ELSE 'gone' END`)}
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM ${names.of()} AS s WHERE ${at('_new_key')} AND ${PRESENT}) THEN
    ${answer(`'exists'`)}
    RETURN;
  END IF;
  ${entry(dialect, '_key', answer(`'limit'`))}
  IF _mark IS NULL THEN
    DELETE FROM ${names.of()} AS s WHERE ${at('_key')};
  ELSE
    ${markAs(names, '_mark', '_moved_to', '_mark_expiry')} WHERE ${at('_key')};
  END IF;
  PERFORM ${call('tell')}(ARRAY[_key]);
  ${answer(`'rotated'`, 'to_json(_evicted)::text')}`,
  })
}

function lists({ names, define, owned }: Dialect): readonly Routine[] {
  return [
    define('list', {
      takes: '_subject text, _part text, _at bigint',
      returns: `TABLE (${RECORD_TYPES})`,
      does: `
  ${epochFrom(names)}
  RETURN QUERY SELECT ${ROW} FROM ${names.of()} AS s WHERE ${owned} AND ${LIVE} ORDER BY s.created_at, s.key;`,
    }),
    define('count', {
      takes: '_subject text, _part text, _at bigint',
      returns: 'integer',
      does: `
  ${epochFrom(names)}
  RETURN (SELECT count(*) FROM ${names.of()} AS s WHERE ${owned} AND ${LIVE});`,
    }),
  ]
}

function endings({ names, call, define, among, owned }: Dialect): readonly Routine[] {
  const end = (condition: string): string => `
  _epoch := ${call('decide')}();
  PERFORM ${call('serialise')}(_subject, true);
  SELECT array_agg(o.key) INTO _keys
    FROM (SELECT s.key FROM ${names.of()} AS s WHERE ${owned} AND ${LIVE} AND ${condition}
      ORDER BY s.key FOR UPDATE) AS o;
  IF _keys IS NULL THEN
    RETURN 0;
  END IF;
  DELETE FROM ${names.of()} AS s WHERE ${among('_keys')};
  PERFORM ${call('tell')}(_keys);
  RETURN cardinality(_keys);`
  return [
    define('end_handle', {
      takes: '_subject text, _part text, _handle text, _at bigint',
      returns: 'integer',
      declares: '_keys text[];',
      does: end('s.handle = _handle'),
    }),
    define('end_subject', {
      takes: '_subject text, _part text, _except text, _at bigint',
      returns: 'integer',
      declares: '_keys text[];',
      does: end('s.handle IS DISTINCT FROM _except'),
    }),
  ]
}
