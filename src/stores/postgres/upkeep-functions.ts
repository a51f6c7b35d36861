import type { Dialect, Routine } from './dialect.ts'
import { epochFrom, LIVE, ROW } from './dialect.ts'
import { beforeTelling } from './record-functions.ts'
import { RECORD_TYPES } from './tables.ts'

/** What concerns the store as a whole. */
export function upkeepFunctions(dialect: Dialect): readonly Routine[] {
  return [clear(dialect), sweep(dialect), scan(dialect), watch(dialect), poll(dialect)]
}

function clear({ names, call, define }: Dialect): Routine {
  return define('clear', {
    takes: '',
    returns: 'void',
    does: `
  PERFORM ${call('decide')}();
  -- Who begins to watch takes the two in this order.
  ${beforeTelling(names)}
  UPDATE ${names.of('_meta')} SET epoch = epoch + 1 WHERE id = 1;
  PERFORM ${call('tell')}(ARRAY[NULL]::text[]);`,
  })
}

// Takes away what was cleared, then what has expired; what somebody else is at is left for the next time. Endings are
// kept for ten minutes: those who poll and were away for longer are told so.
function sweep({ names, define, among }: Dialect): Routine {
  const remove = (condition: string, order: string): string => `
    SELECT array_agg(o.key) INTO _keys FROM (
      SELECT s.key FROM ${names.of()} AS s WHERE ${condition} ORDER BY ${order} LIMIT _limit - _removed
      FOR UPDATE SKIP LOCKED) AS o;
    IF _keys IS NOT NULL THEN
      DELETE FROM ${names.of()} AS s WHERE ${among('_keys')};
      _removed := _removed + cardinality(_keys);
    END IF;`
  return define('sweep', {
    takes: '_limit integer, _at bigint',
    returns: 'integer',
    declares: '_keys text[]; _removed integer := 0;',
    // Sorting would read all that is to be removed, to remove some of it.
    sets: ['enable_sort=off'],
    does: `
  PERFORM set_config('synchronous_commit', 'off', true);
  ${epochFrom(names)}
  ${remove('s.epoch < _epoch', 's.epoch, s.expires_at')}
  IF _removed < _limit THEN
    ${remove('s.epoch = _epoch AND s.expires_at <= _at', 's.epoch, s.expires_at')}
  END IF;
  DELETE FROM ${names.of('_endings')} WHERE id = ANY (ARRAY(
    SELECT e.id FROM ${names.of('_endings')} AS e WHERE e.told_at < now() - interval '10 minutes'
    ORDER BY e.told_at LIMIT _limit FOR UPDATE SKIP LOCKED));
  RETURN _removed;`,
  })
}

// A page is the live ones among the next rows, however many those are: among expired rows, too, its work stays small.
function scan({ names, define, behind, order }: Dialect): Routine {
  return define('scan', {
    takes: '_after text, _size integer, _at bigint',
    returns: `TABLE (key text, is_live boolean, ${RECORD_TYPES})`,
    does: `
  ${epochFrom(names)}
  RETURN QUERY SELECT s.key, ${LIVE}, ${ROW} FROM ${names.of()} AS s
    WHERE ${behind('_after')} ORDER BY ${order} LIMIT _size;`,
  })
}

// Says that somebody wants to hear of endings for so many seconds. False when nobody did until now: then the lock has
// let all those end who had looked before, and whoever looks from now on knows of the watcher.
function watch({ names, define }: Dialect): Routine {
  const extend = (column: string, condition: string): string => `
    UPDATE ${names.of('_meta')} SET ${column} = greatest(${column}, clock_timestamp() + make_interval(secs => _seconds))
    WHERE id = 1${condition};`
  const both = (column: string): string => `
    ${extend(column, ` AND ${column} > clock_timestamp()`)}
    _was_watched := FOUND;
    IF NOT _was_watched THEN
      PERFORM pg_advisory_xact_lock(${names.lock('endings')});
      ${extend(column, '')}
    END IF;`
  return define('watch', {
    takes: '_kind text, _seconds integer, _beat text',
    returns: 'boolean',
    declares: '_was_watched boolean;',
    does: `
  PERFORM set_config('synchronous_commit', 'off', true);
  IF _kind = 'listen' THEN
    ${both('listening_until')}
    PERFORM pg_notify('${names.channel}', _beat);
  ELSE
    ${both('polling_until')}
  END IF;
  RETURN _was_watched;`,
  })
}

// Every transaction before `next` has ended, so what it told is visible now; the rest is read again the next time.
function poll({ names, define }: Dialect): Routine {
  return define('poll', {
    takes: '_from text',
    returns: 'TABLE (next text, id bigint, key text)',
    does: `
  RETURN QUERY SELECT pg_snapshot_xmin(pg_current_snapshot())::text, e.id, e.key
    FROM (SELECT 1) AS one LEFT JOIN ${names.of('_endings')} AS e ON e.xid >= _from::xid8;`,
  })
}
