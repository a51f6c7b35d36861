import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import type { Ask, Row } from './client.ts'
import { COLUMNS } from './sql.ts'
import { type Caller, tell } from './saves.ts'
import type { Names } from './tables.ts'
import { bytes, entryIn, int, keyIn, numberIn, recordIn, textIn } from './values.ts'

/** Somebody who wants to know what is under a key. */
export interface Get extends Caller<SessionRecord | Tombstone | undefined> {
  readonly kind: 'get'
  readonly isRead: true
  readonly keys: readonly StoreKey[]
  /** Checked. */
  readonly key: StoreKey
}

const presentIn = (names: Names, now: number): string =>
  `expires_at > ${int(now)} AND epoch = (SELECT epoch FROM ${names.meta} WHERE id = 1)`

/** One statement for all of them; tells each caller. */
export async function runGets(ask: Ask, names: Names, now: number, gets: readonly Get[]): Promise<void> {
  const keys = gets.map(({ key }) => key).join("','")
  const rows = await ask(
    `SELECT store_key, ${COLUMNS} FROM ${names.sessions} WHERE store_key IN ('${keys}') AND ${presentIn(names, now)}`,
  )
  const found = new Map<string, Row>()
  for (const row of rows) found.set(textIn(row[0]), row)
  for (const get of gets) {
    const row = found.get(get.key)
    tell(get, () => (row === undefined ? undefined : entryIn(row, 1)))
  }
}

/** The subject's live records, oldest first. */
export async function listBySubject(ask: Ask, names: Names, now: number, subject: string): Promise<SessionRecord[]> {
  const rows = await ask(
    `SELECT ${COLUMNS} FROM ${names.sessions} WHERE subject = ${bytes(subject)} AND state = 'live'
      AND ${presentIn(names, now)} ORDER BY created_at, id`,
  )
  return rows.map((row) => recordIn(row, 0))
}

/** How many live records the subject has. */
export async function countBySubject(ask: Ask, names: Names, now: number, subject: string): Promise<number> {
  const [row] = await ask(
    `SELECT COUNT(*) FROM ${names.sessions} WHERE subject = ${bytes(subject)} AND state = 'live'
      AND ${presentIn(names, now)}`,
  )
  return numberIn(row?.[0])
}

/** Where a scan ends: what is inserted while it runs comes behind, else a busy store would never be at its end. */
export async function lastId(ask: Ask, names: Names): Promise<number> {
  const [row] = await ask(`SELECT COALESCE(MAX(id), 0) FROM ${names.sessions}`)
  return numberIn(row?.[0])
}

/** The live ones among the next `size` rows, whatever those are, and where these end. Undefined: there are no more. */
export async function readPage(
  ask: Ask,
  names: Names,
  now: number,
  { after, last, size }: { readonly after: number; readonly last: number; readonly size: number },
): Promise<{ readonly end: number; readonly entries: (readonly [StoreKey, SessionRecord])[] } | undefined> {
  const ids = `SELECT id FROM ${names.sessions} WHERE id > ${after} AND id <= ${last} ORDER BY id LIMIT ${int(size)}`
  const rows = await ask(
    `SELECT page.id, store_key, ${COLUMNS} FROM (${ids}) page LEFT JOIN ${names.sessions} found
      ON found.id = page.id AND state = 'live' AND ${presentIn(names, now)} ORDER BY page.id`,
  )
  const end = rows.at(-1)?.[0]
  if (end === undefined) return undefined
  const live = rows.filter((row) => row[1] !== null)
  return { end: numberIn(end), entries: live.map((row) => [keyIn(row[1]), recordIn(row, 2)] as const) }
}
