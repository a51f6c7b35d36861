import { BEGIN, COLUMNS, END, NOW, PRESENT, type Procedure, readEpoch } from './sql.ts'
import type { Names } from './tables.ts'

/**
 * The fields of one item of `save`, with their lengths in bytes: the kind, the key, four numbers, the lengths of both
 * texts. The texts follow, with a space between them.
 */
export const ITEM = { kind: 1, key: 50, number: 16, length: 10 } as const
const HEAD = ITEM.kind + ITEM.key + 4 * ITEM.number + 2 * ITEM.length
const NUMBERS = 1 + ITEM.kind + ITEM.key
const LENGTHS = NUMBERS + 4 * ITEM.number

const numberAt = (position: number, length: number): string =>
  `CAST(SUBSTRING(v_head, ${position}, ${length}) AS SIGNED)`
const numberOf = (n: number): string => numberAt(NUMBERS + n * ITEM.number, ITEM.number)
const lengthOf = (n: number): string => numberAt(LENGTHS + n * ITEM.length, ITEM.length)

// Only SET looks into `p_items`: MariaDB writes the values of the variables of any other statement into a copy of its
// text, all items for each item.
const NEXT_ITEM = `SET v_head = SUBSTRING(p_items, v_at, ${HEAD}), v_at = v_at + ${HEAD};
    SET v_kind = SUBSTRING(v_head, 1, ${ITEM.kind}), v_key = SUBSTRING(v_head, ${1 + ITEM.kind}, ${ITEM.key}),
      v_from = ${numberOf(0)}, v_version = ${numberOf(1)}, v_seen_at = ${numberOf(2)}, v_expires_at = ${numberOf(3)},
      v_meta_length = ${lengthOf(0)}, v_data_length = ${lengthOf(1)};
    SET v_meta = SUBSTRING(p_items, v_at, v_meta_length), v_at = v_at + v_meta_length + 1;
    SET v_data = SUBSTRING(p_items, v_at, v_data_length), v_at = v_at + v_data_length;`

/** What became of an item that answers. */
export const ANSWER = { notDone: 0, done: 1, locked: 2 } as const

/**
 * Updates (`u`, or `e` when the new row is asked for) and touches (`t`), one after the other in `p_items`. Silence means
 * that an item was done; each other one answers with its number, and with what is under its key. A row that another
 * transaction holds is not waited for, so that the rows of the others, once locked, do not wait either.
 */
export function saveProcedure(names: Names): Procedure {
  return {
    name: 'save',
    parameters: `IN p_items LONGBLOB, ${NOW}`,
    body: `BEGIN
  DECLARE v_at BIGINT DEFAULT 1;
  DECLARE v_n INT DEFAULT 0;
  DECLARE v_is_locked TINYINT;
  DECLARE v_epoch, v_id, v_found, v_from, v_version, v_seen_at, v_expires_at, v_meta_length, v_data_length BIGINT;
  DECLARE v_head VARBINARY(${HEAD});
  DECLARE v_kind, v_state VARBINARY(5);
  DECLARE v_key VARBINARY(50);
  DECLARE v_meta, v_data LONGBLOB;
  ${BEGIN}
  ${readEpoch(names)}
  WHILE v_at <= LENGTH(p_items) DO
    ${NEXT_ITEM}
    SET v_id = NULL, v_state = NULL;
    SELECT id, state, version INTO v_id, v_state, v_found
      FROM ${names.sessions} WHERE store_key = v_key AND ${PRESENT} FOR UPDATE SKIP LOCKED;
    IF v_state = 'live' AND v_kind = 't' THEN
      UPDATE ${names.sessions} SET seen_at = GREATEST(seen_at, v_seen_at),
        expires_at = GREATEST(expires_at, v_expires_at) WHERE id = v_id;
    ELSEIF v_state = 'live' AND v_found = v_from THEN
      UPDATE ${names.sessions} SET version = v_version, seen_at = v_seen_at, expires_at = v_expires_at,
        meta = v_meta, data = v_data WHERE id = v_id;
      IF v_kind = 'e' THEN ${tell(names, ANSWER.done)} END IF;
    ELSEIF v_id IS NOT NULL AND v_kind <> 't' THEN
      ${tell(names, ANSWER.notDone)}
    ELSE
      ${lookUnlocked(names)}
      SELECT v_n AS n, IF(v_is_locked, ${ANSWER.locked}, ${ANSWER.notDone}) AS answer;
    END IF;
    SET v_n = v_n + 1;
  END WHILE;
  COMMIT;
  ${END}`,
  }
}

const tell = (names: Names, answer: number): string =>
  `SELECT v_n AS n, ${answer} AS answer, ${COLUMNS} FROM ${names.sessions} WHERE id = v_id;`

// What was found is not locked. A SELECT of its own: a condition of IF that looks into a table waits for locks.
const lookUnlocked = (names: Names): string => `SET v_is_locked = 0;
      IF v_id IS NULL THEN
        SELECT 1 INTO v_is_locked FROM ${names.sessions} WHERE store_key = v_key AND ${PRESENT};
      END IF;`
