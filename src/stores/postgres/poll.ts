import type { Hearing } from '../shared/watching.ts'
import type { Database, Row } from './database.ts'
import { createLife } from './life.ts'
import { keyIn, numberIn } from './rows.ts'
import type { Statements } from './statements.ts'

/** Endings are told for so long after somebody said that they watch; they say it again in time. */
export const WATCHED_SECONDS = 60
export const RENEW_EVERY_MS = 20_000
// Endings are removed after ten minutes.
const LONGEST_SLEEP_MS = 300_000
// No transaction has this number or a later one.
const NEVER = '18446744073709551615'

/**
 * Reads the table of endings again and again. A transaction that commits late is not missed: each time, everything is
 * read that was written by transactions which were not yet over the time before.
 */
export async function pollEndings(
  database: Database,
  sql: Statements,
  interval: number,
  hearing: Hearing,
): Promise<() => Promise<void>> {
  const renew = async (): Promise<boolean> => {
    const [row] = await database.run(sql.watch, ['poll', String(WATCHED_SECONDS), ''])
    return row?.[0] === true
  }
  await renew()
  let place = await placeNow(database, sql)
  let polledAt = performance.now()
  let renewedAt = polledAt
  const life = createLife(hearing.onLost)
  const poll = async (): Promise<void> => {
    const rows = await database.run(sql.poll, [place.from])
    const at = performance.now()
    if (life.isOver()) return
    if (at - polledAt > LONGEST_SLEEP_MS) return life.lose()
    polledAt = at
    place = tellNew(rows, place, hearing)
    if (at - renewedAt > RENEW_EVERY_MS) {
      if (!(await renew())) return life.lose()
      renewedAt = at
    }
    pollLater()
  }
  const pollLater = (): void => life.later(interval, () => void poll().catch(life.lose))
  pollLater()
  return async () => life.end()
}

interface Place {
  /** The number of the first transaction that may not have been over. */
  readonly from: string
  /** What was told of those from there on. */
  readonly seen: ReadonlySet<number>
}

/**
 * What is committed now counts as told. It can be newer than the oldest open transaction, which may be anybody's on the
 * server, such as a vacuum's.
 */
async function placeNow(database: Database, sql: Statements): Promise<Place> {
  const from = textIn((await database.run(sql.poll, [NEVER]))[0]?.[0])
  return placeAfter(await database.run(sql.poll, [from]), from)
}

function tellNew(rows: readonly Row[], { from, seen }: Place, hearing: Hearing): Place {
  for (const [, id, key] of rows) {
    if (id === null || seen.has(numberIn(id))) continue
    hearing.onNotice(key === null ? { kind: 'cleared' } : { kind: 'ended', key: keyIn(key) })
  }
  return placeAfter(rows, from)
}

function placeAfter(rows: readonly Row[], from: string): Place {
  const seen = new Set(rows.flatMap(([, id]) => (id === null ? [] : [numberIn(id)])))
  const next = rows[0]?.[0]
  return { from: next === undefined ? from : textIn(next), seen }
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : NEVER
}
