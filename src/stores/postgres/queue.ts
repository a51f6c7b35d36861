import type { Clock } from '../../core/clock.ts'
import { SessionError } from '../../core/errors.ts'
import { createLanes } from '../shared/lanes.ts'
import { createBatches } from './batches.ts'
import { LONGEST_WAIT_MS } from './dialect.ts'
import type { Database, Row, Statement, Value } from './database.ts'
import type { Item, Kind } from './items.ts'
import type { Statements } from './statements.ts'

/** Sends one statement. */
export type Run = (statement: Statement, values: readonly Value[]) => Promise<readonly Row[]>

/** What was asked of the store and is not answered yet. */
export interface Queue {
  /** Adds an item; its answer is what its `resolve` is called with. */
  readonly add: <R>(item: (resolve: (result: R) => void, fail: (error: unknown) => void) => Item) => Promise<R>
  /** Adds what is a statement of its own. `work` may run more than once: its transaction may have to begin again. */
  readonly single: <R>(keys: readonly string[], work: (run: Run) => Promise<R>) => Promise<R>
  /** Refuses what comes from now on, and waits for what came before. */
  readonly close: () => Promise<void>
}

// Larger batches cost no less for each item. Several are under way so that a slow one holds up a part only.
const MAX_ITEMS = 100
const MAX_RUNNING = 4

export function createQueue(database: Database, sql: Statements, now: Clock, timeout: number): Queue {
  const batches = createBatches(database, sql, now, Math.min(LONGEST_WAIT_MS, timeout))
  const limits = (kind: Kind) =>
    kind === 'single'
      ? { maxItems: 1, maxRunning: database.width }
      : { maxItems: MAX_ITEMS, maxRunning: Math.min(MAX_RUNNING, database.width) }
  const lanes = createLanes<Kind, Item>(batches.run, limits)
  let isClosed = false
  const add: Queue['add'] = (itemFor) => {
    if (isClosed) return Promise.reject(new SessionError('closed', 'postgres: the store is closed'))
    return new Promise((resolve, reject) => lanes.add(itemFor(resolve, reject)))
  }
  return {
    add,
    single: (keys, work) =>
      add((resolve, fail) => {
        const send = async (): Promise<void> => resolve(await work(database.run))
        return { kind: 'single', keys, isRead: false, send, fail }
      }),
    async close() {
      isClosed = true
      await lanes.idle()
    },
  }
}
