import type { Dialect, Routine } from './dialect.ts'
import { epochFrom, IS_FREE, LIVE, markAs, PRESENT, ROW, TAKEN, takeRows, TAKING } from './dialect.ts'
import type { Names } from './names.ts'
import { RECORD, RECORD_TYPES } from './tables.ts'

/** What other functions call. */
export function commonFunctions(dialect: Dialect): readonly Routine[] {
  return [decide(dialect), tell(dialect), serialise(dialect)]
}

// Called first by whatever ends sessions or must be durable; gives the epoch.
function decide({ names, define }: Dialect): Routine {
  return define('decide', {
    takes: '',
    returns: 'bigint',
    does: `
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs the isolation level read committed' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  ${epochFrom(names)}
  RETURN _epoch;`,
  })
}

/**
 * Statement: from now to its commit nobody begins to watch. `watch` waits for those that hold this lock, and whoever gets
 * it afterwards reads that somebody is watching. Nobody waits for a row while holding it: all who end something would
 * come to wait, behind the one who begins to watch.
 */
export function beforeTelling(names: Names): string {
  return `PERFORM pg_advisory_xact_lock_shared(${names.lock('endings')});`
}

// Called last. NULL among the keys: every session was ended. Commits that notify wait for each other, so it is for
// listeners only.
function tell({ names, define }: Dialect): Routine {
  return define('tell', {
    takes: '_keys text[]',
    returns: 'void',
    declares: '_listening boolean; _polling boolean;',
    does: `
  IF cardinality(_keys) = 0 THEN
    RETURN;
  END IF;
  ${beforeTelling(names)}
  SELECT m.listening_until > clock_timestamp(), m.polling_until > clock_timestamp()
    INTO _listening, _polling FROM ${names.of('_meta')} AS m WHERE m.id = 1;
  IF _listening THEN
    PERFORM pg_notify('${names.channel}', string_agg(coalesce(k.key, '*'), ','))
      FROM unnest(_keys) WITH ORDINALITY AS k (key, n) GROUP BY (k.n - 1) / 100;
  END IF;
  IF _polling THEN
    INSERT INTO ${names.of('_endings')} (key) SELECT unnest(_keys);
  END IF;`,
  })
}

// Whoever counts or ends all of a subject's sessions is alone with them.
function serialise({ names, define }: Dialect): Routine {
  const lock = `hashtextextended(_subject, ${names.lock('subject')})`
  return define('serialise', {
    takes: '_subject text, _alone boolean',
    returns: 'void',
    does: `
  IF _alone THEN
    PERFORM pg_advisory_xact_lock(${lock});
  ELSE
    PERFORM pg_advisory_xact_lock_shared(${lock});
  END IF;`,
  })
}

/** One session at a time, those of a turn together. */
export function recordFunctions(dialect: Dialect): readonly Routine[] {
  return [get(dialect), update(dialect), touch(dialect), insert(dialect), remove(dialect)]
}

function get({ names, define, among }: Dialect): Routine {
  return define('get', {
    takes: '_keys text[], _at bigint',
    returns: `TABLE (key text, ${RECORD_TYPES})`,
    does: `
  ${epochFrom(names)}
  RETURN QUERY SELECT s.key, ${ROW} FROM ${names.of()} AS s WHERE ${among('_keys')} AND ${PRESENT};`,
  })
}

// Gives a row for each item that was not updated, and for those that others of the same turn have lost to. `is_updated` is
// NULL where somebody holds the row of an item that may be updated then; one that lost already is told so at once.
function update(dialect: Dialect): Routine {
  const { names, define, at } = dialect
  return define('update', {
    takes: `_keys text[], _versions integer[], _nexts integer[], _seen bigint[], _expiries bigint[], _metas text[],
  _datas text[], _shown boolean[], _at bigint, _patience integer`,
    returns: `TABLE (n integer, is_updated boolean, ${RECORD_TYPES})`,
    declares: `_item record; _found ${names.of()}%ROWTYPE; ${TAKEN}`,
    sets: TAKING,
    does: `
  ${epochFrom(names)}
  ${takeRows(dialect, 'NO KEY UPDATE')}
  FOR _item IN
    SELECT * FROM unnest(_keys, _versions, _nexts, _seen, _expiries, _metas, _datas, _shown) WITH ORDINALITY
      AS i (key, version, next, seen, expiry, meta, data, is_shown, n)
  LOOP
    is_updated := false;
    IF ${IS_FREE} THEN
      UPDATE ${names.of()} AS s SET version = _item.next, seen_at = _item.seen, expires_at = _item.expiry,
        meta = _item.meta, data = _item.data
      WHERE ${at('_item.key')} AND s.version = _item.version AND ${LIVE};
      is_updated := FOUND;
    END IF;
    CONTINUE WHEN is_updated AND NOT _item.is_shown;
    ${epochFrom(names)}
    SELECT s.* INTO _found FROM ${names.of()} AS s WHERE ${at('_item.key')} AND ${PRESENT};
    IF NOT is_updated AND _found.state = 'live' AND _found.version = _item.version THEN
      is_updated := NULL;
    END IF;
    RETURN QUERY SELECT _item.n::integer, is_updated, ${RECORD.replaceAll(/\w+/g, '_found.$&')};
  END LOOP;`,
  })
}

/** Statements: tells of the item that was not done, because its row is not there or because somebody holds it. */
function tellMissed({ names, at }: Dialect): string {
  return `is_held := NOT (${IS_FREE}) AND EXISTS (SELECT FROM ${names.of()} AS s WHERE ${at('_item.key')} AND ${LIVE});
      n := _item.n;
      RETURN NEXT;`
}

// Gives the numbers of those that were not there, and of those that somebody holds.
function touch(dialect: Dialect): Routine {
  const { names, define, at } = dialect
  return define('touch', {
    takes: '_keys text[], _seen bigint[], _expiries bigint[], _at bigint, _patience integer',
    returns: 'TABLE (n integer, is_held boolean)',
    declares: `_item record; _is_done boolean; ${TAKEN}`,
    sets: TAKING,
    does: `
  PERFORM set_config('synchronous_commit', 'off', true);
  ${epochFrom(names)}
  ${takeRows(dialect, 'NO KEY UPDATE')}
  FOR _item IN
    SELECT * FROM unnest(_keys, _seen, _expiries) WITH ORDINALITY AS i (key, seen, expiry, n)
  LOOP
    _is_done := false;
    IF ${IS_FREE} THEN
      UPDATE ${names.of()} AS s
      SET seen_at = greatest(s.seen_at, _item.seen), expires_at = greatest(s.expires_at, _item.expiry)
      WHERE ${at('_item.key')} AND ${LIVE};
      _is_done := FOUND;
    END IF;
    IF NOT _is_done THEN
      ${tellMissed(dialect)}
    END IF;
  END LOOP;`,
  })
}

// Gives the numbers of those whose key is taken. Where somebody is just storing under such a key, or holds what is under it,
// it waits; `_patience` is not 0.
function insert({ names, define, insertion }: Dialect): Routine {
  const values = {
    key: '_item.key',
    version: '_item.version',
    created_at: '_item.created',
    seen_at: '_item.seen',
    expires_at: '_item.expiry',
    handle: '_item.handle',
    subject: 'NULL',
    meta: '_item.meta',
    data: '_item.data',
  }
  return define('insert', {
    takes: `_keys text[], _versions integer[], _created bigint[], _seen bigint[], _expiries bigint[], _handles text[],
  _metas text[], _datas text[], _at bigint, _patience integer`,
    returns: 'TABLE (n integer)',
    declares: '_item record;',
    does: `
  PERFORM set_config('lock_timeout', _patience::text, true);
  ${epochFrom(names)}
  FOR _item IN
    SELECT * FROM unnest(_keys, _versions, _created, _seen, _expiries, _handles, _metas, _datas) WITH ORDINALITY
      AS i (key, version, created, seen, expiry, handle, meta, data, n)
  LOOP
    ${insertion(values)};
    IF NOT FOUND THEN
      n := _item.n;
      RETURN NEXT;
    END IF;
  END LOOP;`,
  })
}

// Gives the numbers of those that were not there, and of those that somebody holds.
function remove(dialect: Dialect): Routine {
  const { names, call, define, at } = dialect
  return define('delete', {
    takes: '_keys text[], _states text[], _moved_to text[], _expiries bigint[], _at bigint, _patience integer',
    returns: 'TABLE (n integer, is_held boolean)',
    declares: `_item record; _is_done boolean; _ended text[] := '{}'; ${TAKEN}`,
    sets: TAKING,
    does: `
  _epoch := ${call('decide')}();
  ${takeRows(dialect, 'UPDATE')}
  FOR _item IN
    SELECT * FROM unnest(_keys, _states, _moved_to, _expiries) WITH ORDINALITY AS i (key, state, moved_to, expiry, n)
  LOOP
    _is_done := false;
    IF ${IS_FREE} THEN
      IF _item.state IS NULL THEN
        DELETE FROM ${names.of()} AS s WHERE ${at('_item.key')} AND ${LIVE};
      ELSE
        ${markAs(names, '_item.state', '_item.moved_to', '_item.expiry')} WHERE ${at('_item.key')} AND ${LIVE};
      END IF;
      _is_done := FOUND;
    END IF;
    IF _is_done THEN
      _ended := _ended || _item.key;
    ELSE
      ${tellMissed(dialect)}
    END IF;
  END LOOP;
  PERFORM ${call('tell')}(_ended);`,
  })
}
