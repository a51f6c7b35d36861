import type { Clock } from '../../core/clock.ts'
import type { StoreKey } from '../../core/key.ts'
import type { ClearableStore, ScannableStore, SessionRecord, SweepableStore } from '../../core/store.ts'
import type { Row } from './database.ts'
import type { Queue } from './queue.ts'
import { keyIn, numberIn, recordIn } from './rows.ts'
import type { Statements } from './statements.ts'

// Some milliseconds of work, for which the rows are locked that nobody has a use for any more.
const SWEEP_ROWS = 500
const PAGE_SIZE = 100

/** What concerns the store as a whole. */
export function upkeepOf(queue: Queue, sql: Statements, now: Clock): ClearableStore & SweepableStore & ScannableStore {
  return {
    clear: () => queue.single([], async (run) => void (await run(sql.clear, []))),
    async sweep(limit) {
      let removed = 0
      while (removed < limit) {
        const size = Math.min(limit - removed, SWEEP_ROWS)
        const count = await queue.single([], async (run) => {
          const [row] = await run(sql.sweep, [String(size), String(now())])
          return numberIn(row?.[0])
        })
        removed += count
        if (count < size) return { removed, isDone: true }
      }
      return { removed, isDone: false }
    },
    async *scan(options) {
      const size = options?.pageSize ?? PAGE_SIZE
      for (let after = ''; ;) {
        const rows = await queue.single([], (run) => run(sql.scan, [after, String(size), String(now())]))
        const page = rows.flatMap(liveOne)
        if (page.length > 0) yield page
        if (rows.length < size) return
        after = keyIn(rows.at(-1)?.[0])
      }
    },
  }
}

/** The page shows live rows only, whatever else it passed. */
function liveOne(row: Row): readonly (readonly [StoreKey, SessionRecord])[] {
  return row[1] === true ? [[keyIn(row[0]), recordIn(row, 2)]] : []
}
