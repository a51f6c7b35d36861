import { saveProcedure } from './save-procedure.ts'
import { BEGIN, COLUMNS, END, LIVE, NOW, PRESENT, type Procedure, readEpoch } from './sql.ts'
import type { Names } from './tables.ts'
import { KEPT_SECONDS, LOCKS } from './tables.ts'

const RECORD = `IN p_version BIGINT, IN p_handle VARBINARY(255), IN p_subject VARBINARY(1024), IN p_created_at BIGINT,
  IN p_seen_at BIGINT, IN p_expires_at BIGINT, IN p_meta LONGBLOB, IN p_data LONGBLOB`
const MARK = 'IN p_mark VARBINARY(5), IN p_mark_to VARBINARY(50), IN p_mark_expires_at BIGINT'
const CAP = 'IN p_max INT, IN p_rejects TINYINT'
const SWEPT_ENDINGS = 1000

/** All procedures. Those that change one session are silent when they did what was asked. */
export function proceduresOf(names: Names): readonly Procedure[] {
  const decisive = [insert(names), rotate(names), deleteOne(names), end(names), clear(names)]
  return [saveProcedure(names), ...decisive, sweep(names)]
}

// Serialises what counts the sessions of one subject: there may be no row of its own yet that could be locked.
const lockSubject = (names: Names): string => `IF p_max IS NOT NULL AND p_subject IS NOT NULL THEN
    SELECT slot INTO v_n FROM ${names.locks} WHERE slot = MOD(CRC32(p_subject), ${LOCKS}) FOR UPDATE;
  END IF;`

// What is to go gets the connection's own epoch first: the notices and the removal then concern the very same rows.
const endMarked = (names: Names): string => `INSERT INTO ${names.endings} (store_key, ended_at)
      SELECT store_key, UNIX_TIMESTAMP() FROM ${names.sessions} WHERE epoch = v_mine;
    DELETE FROM ${names.sessions} WHERE epoch = v_mine;`

// The rows of the subject as they are, expired ones among them, are looked at with the epoch: a statement of their own would
// cost a login a tenth. Nearly always they are too few to be counted.
const readEpochAndRows = (names: Names): string => `SELECT epoch, IF(p_max IS NULL OR p_subject IS NULL, 0,
      (SELECT COUNT(*) FROM ${names.sessions} WHERE subject = p_subject)) INTO v_epoch, v_n
    FROM ${names.meta} WHERE id = 1;`

// The row `v_id` is not counted: it is the one being replaced, or there is none.
const makeRoom = (names: Names): string => `IF p_max IS NOT NULL AND p_subject IS NOT NULL AND v_n >= p_max THEN
    SELECT COUNT(*) + 1 - p_max INTO v_n FROM ${names.sessions}
      WHERE subject = p_subject AND ${LIVE} AND id <> v_id FOR UPDATE;
    IF v_n > 0 AND p_rejects THEN
      SET v_outcome = 'limit';
    ELSEIF v_n > 0 THEN
      UPDATE ${names.sessions} SET epoch = v_mine
        WHERE subject = p_subject AND ${LIVE} AND id <> v_id ORDER BY created_at, id LIMIT v_n;
      SELECT 'evicted' AS outcome, handle FROM ${names.sessions} WHERE epoch = v_mine ORDER BY created_at, id;
      ${endMarked(names)}
    END IF;
  END IF;`

const freeKey = (names: Names, key: string): string => `SELECT id, ${PRESENT} INTO v_other, v_is_present
      FROM ${names.sessions} WHERE store_key = ${key} FOR UPDATE;
  IF v_is_present THEN
    SET v_outcome = 'exists';
  ELSEIF v_other IS NOT NULL THEN
    DELETE FROM ${names.sessions} WHERE id = v_other;
  END IF;`

const DECLARED = `DECLARE v_epoch, v_other, v_found BIGINT;
  DECLARE v_n, v_id BIGINT DEFAULT 0;
  DECLARE v_mine BIGINT DEFAULT -CAST(CONNECTION_ID() AS SIGNED);
  DECLARE v_is_present TINYINT DEFAULT 0;
  DECLARE v_state VARBINARY(5);
  DECLARE v_outcome VARCHAR(8) CHARACTER SET ascii`

function insert(names: Names): Procedure {
  return {
    name: 'insert',
    parameters: `IN p_key VARBINARY(50), ${RECORD},\n  ${CAP}, ${NOW}`,
    body: `BEGIN
  ${DECLARED} DEFAULT 'inserted';
  ${BEGIN}
  ${lockSubject(names)}
  ${readEpochAndRows(names)}
  ${freeKey(names, 'p_key')}
  IF v_outcome = 'inserted' THEN
  ${makeRoom(names)}
  END IF;
  IF v_outcome = 'inserted' THEN
    INSERT INTO ${names.sessions}
      (store_key, epoch, state, version, handle, subject, created_at, seen_at, expires_at, meta, data)
      VALUES (p_key, v_epoch, 'live', p_version, p_handle, p_subject, p_created_at, p_seen_at, p_expires_at, p_meta, p_data);
    COMMIT;
  ELSE
    ROLLBACK;
    SELECT v_outcome AS outcome;
  END IF;
  ${END}`,
  }
}

// The row keeps its place and changes its key: there is no moment with two live rows, or with none.
function rotate(names: Names): Procedure {
  const parameters = `IN p_key VARBINARY(50), IN p_from BIGINT, IN p_new_key VARBINARY(50), ${RECORD},
  ${MARK}, ${CAP}, ${NOW}`
  return {
    name: 'rotate',
    parameters,
    body: `BEGIN
  ${DECLARED} DEFAULT 'rotated';
  ${BEGIN}
  ${lockSubject(names)}
  ${readEpochAndRows(names)}
  SELECT id, state, version INTO v_id, v_state, v_found
    FROM ${names.sessions} WHERE store_key = p_key AND ${PRESENT} FOR UPDATE;
  IF v_state = 'live' AND v_found = p_from THEN
    ${freeKey(names, 'p_new_key')}
    IF v_outcome = 'rotated' THEN
    ${makeRoom(names)}
    END IF;
  ELSE
    SET v_outcome = 'miss';
    SELECT 'current' AS outcome, ${COLUMNS} FROM ${names.sessions} WHERE id = v_id;
  END IF;
  IF v_outcome = 'rotated' THEN
    UPDATE ${names.sessions} SET store_key = p_new_key, version = p_version, handle = p_handle, subject = p_subject,
      created_at = p_created_at, seen_at = p_seen_at, expires_at = p_expires_at, meta = p_meta, data = p_data
      WHERE id = v_id;
    IF p_mark IS NOT NULL THEN
      INSERT INTO ${names.sessions}
        (store_key, epoch, state, version, created_at, seen_at, expires_at, moved_to, meta, data)
        VALUES (p_key, v_epoch, p_mark, 0, 0, 0, p_mark_expires_at, p_mark_to, '', '');
    END IF;
    INSERT INTO ${names.endings} (store_key, ended_at) VALUES (p_key, UNIX_TIMESTAMP());
    COMMIT;
  ELSE
    ROLLBACK;
    SELECT v_outcome AS outcome;
  END IF;
  ${END}`,
  }
}

// A mark takes the place of the row that it is about.
function deleteOne(names: Names): Procedure {
  return {
    name: 'delete',
    parameters: `IN p_key VARBINARY(50), ${MARK}, ${NOW}`,
    body: `BEGIN
  DECLARE v_epoch, v_id BIGINT;
  ${BEGIN}
  ${readEpoch(names)}
  SELECT id INTO v_id FROM ${names.sessions} WHERE store_key = p_key AND ${LIVE} FOR UPDATE;
  IF v_id IS NULL THEN
    SELECT 'miss' AS outcome;
  ELSE
    IF p_mark IS NULL THEN
      DELETE FROM ${names.sessions} WHERE id = v_id;
    ELSE
      UPDATE ${names.sessions} SET state = p_mark, version = 0, handle = NULL, subject = NULL, created_at = 0, seen_at = 0,
        expires_at = p_mark_expires_at, moved_to = p_mark_to, meta = '', data = '' WHERE id = v_id;
    END IF;
    INSERT INTO ${names.endings} (store_key, ended_at) VALUES (p_key, UNIX_TIMESTAMP());
  END IF;
  COMMIT;
  ${END}`,
  }
}

// One session of the subject, all of them, or all `others`. Without a handle only `all` ends something.
function end(names: Names): Procedure {
  const parameters = `IN p_subject VARBINARY(1024), IN p_which VARBINARY(6), IN p_handle VARBINARY(255), ${NOW}`
  return {
    name: 'end',
    parameters,
    body: `BEGIN
  DECLARE v_epoch, v_n BIGINT;
  DECLARE v_mine BIGINT DEFAULT -CAST(CONNECTION_ID() AS SIGNED);
  ${BEGIN}
  ${readEpoch(names)}
  UPDATE ${names.sessions} SET epoch = v_mine WHERE subject = p_subject AND ${LIVE}
    AND (p_which = 'all' OR (p_which = 'one' AND handle = p_handle) OR (p_which = 'others' AND handle <> p_handle));
  SET v_n = ROW_COUNT();
  IF v_n > 0 THEN
    ${endMarked(names)}
  END IF;
  COMMIT;
  SELECT 'ended' AS outcome, v_n AS n;
  ${END}`,
  }
}

function clear(names: Names): Procedure {
  return {
    name: 'clear',
    parameters: '',
    body: `BEGIN
  ${BEGIN}
  UPDATE ${names.meta} SET epoch = epoch + 1 WHERE id = 1;
  INSERT INTO ${names.endings} (store_key, ended_at) VALUES ('', UNIX_TIMESTAMP());
  COMMIT;
  ${END}`,
  }
}

// What another transaction is at is left to the next sweep. The rows are deleted one by one: a DELETE that picks them by
// a subquery waits for locks in MariaDB, whatever the subquery says.
const removeSome = (names: Names, condition: string): string => `BEGIN
    DECLARE v_id BIGINT;
    DECLARE v_is_over TINYINT DEFAULT 0;
    DECLARE gone CURSOR FOR
      SELECT id FROM ${names.sessions} WHERE ${condition} LIMIT v_left FOR UPDATE SKIP LOCKED;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_over = 1;
    OPEN gone;
    FETCH gone INTO v_id;
    WHILE NOT v_is_over DO
      DELETE FROM ${names.sessions} WHERE id = v_id;
      SET v_left = v_left - 1;
      FETCH gone INTO v_id;
    END WHILE;
    CLOSE gone;
  END;`

function sweep(names: Names): Procedure {
  return {
    name: 'sweep',
    parameters: 'IN p_now BIGINT, IN p_limit INT',
    body: `BEGIN
  DECLARE v_epoch, v_first BIGINT;
  DECLARE v_left INT DEFAULT p_limit;
  ${BEGIN}
  ${readEpoch(names)}
  ${removeSome(names, 'epoch < v_epoch')}
  ${removeSome(names, 'epoch = v_epoch AND expires_at <= p_now')}
  SELECT MIN(id) INTO v_first FROM ${names.endings};
  DELETE FROM ${names.endings}
    WHERE id < v_first + ${SWEPT_ENDINGS} AND ended_at < UNIX_TIMESTAMP() - ${KEPT_SECONDS};
  COMMIT;
  SELECT 'swept' AS outcome, p_limit - v_left AS n;
  ${END}`,
  }
}
