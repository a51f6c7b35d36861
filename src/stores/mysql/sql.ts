import type { Names, ProcedureName } from './tables.ts'

/** A row as the store reads it: after whatever tells what it is about. */
export const COLUMNS = 'state, version, handle, subject, created_at, seen_at, expires_at, moved_to, meta, data'

// In a procedure, `p_` is what it was given, `v_` what it found, and the rest are columns.

/** Neither expired nor ended by `clear`: a session or a mark. */
export const PRESENT = 'expires_at > p_now AND epoch = v_epoch'
export const LIVE: string = `state = 'live' AND ${PRESENT}`

/** Every procedure that reads the clock is given it last. */
export const NOW = 'IN p_now BIGINT'

// In seconds, which is all that the server knows. The server's own limit, if that is shorter.
const LONGEST_WAIT = 1

/**
 * A statement that fails takes the whole call back, and the caller is told why; one that waits for a row that somebody
 * holds fails after a second, else it would keep its connection from others for 50. READ COMMITTED: no locks on gaps, and
 * each statement sees what was committed before it.
 */
export const BEGIN: string = `DECLARE v_patience BIGINT DEFAULT @@SESSION.innodb_lock_wait_timeout;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN
    ROLLBACK;
    SET SESSION innodb_lock_wait_timeout = v_patience;
    RESIGNAL;
  END;
  SET SESSION innodb_lock_wait_timeout = LEAST(v_patience, ${LONGEST_WAIT});
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  START TRANSACTION;`

/** How each procedure ends: the connection is as it was. */
export const END = `SET SESSION innodb_lock_wait_timeout = v_patience;
END`

/** What a procedure takes and does; the rest of its statement is the same for all. */
export interface Procedure {
  readonly name: ProcedureName
  readonly parameters: string
  readonly body: string
}

export function readEpoch(names: Names): string {
  return `SELECT epoch INTO v_epoch FROM ${names.meta} WHERE id = 1;`
}
