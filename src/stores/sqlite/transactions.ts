import { SessionError } from '../../core/errors.ts'
import { createTurns } from '../shared/turn.ts'
import type { Connection } from './connection.ts'
import { isBusy, messageOf } from './database.ts'
import { createParking, type Parkable, type Parking } from './parking.ts'

/**
 * `read`: changes nothing. `cheap`: a crash of the process loses nothing, a crash of the machine maybe the last moments.
 * `durable`: on the disk before the caller hears of it.
 */
export type Kind = 'read' | 'cheap' | 'durable'

/** Runs work in transactions, one for each turn of the event loop. */
export interface Transactions {
  /** `work` may run more than once; what its last run did and gave is what counts. */
  run<R>(kind: Kind, work: () => R): Promise<R>
  /** Refuses what comes from now on, and waits for what came before. */
  close(): Promise<void>
}

interface Item extends Parkable {
  readonly kind: Kind
  /** Does the work and gives what tells the caller, for after the commit. */
  readonly attempt: () => () => void
}

// About 2 ms of work; what is left waits a turn, behind the input and output that came meanwhile.
const MAX_ITEMS = 256

/** @param patience milliseconds for which a write waits while other processes hold the file. */
export function createTransactions(connection: Connection, patience: number): Transactions {
  let isClosed = false
  const parking: Parking<Item> = createParking(patience, () => runAll(connection, parking, parking.take()))
  const turns = createTurns<Item>((items) => runAll(connection, parking, [...parking.take(), ...items]), {
    maxItems: MAX_ITEMS,
  })
  return {
    run(kind, work) {
      if (isClosed) return Promise.reject(new SessionError('closed', 'sqlite: the store is closed'))
      return new Promise((resolve, reject) => {
        const attempt = (): (() => void) => {
          const result = work()
          return () => resolve(result)
        }
        turns.add({ kind, attempt, fail: (error) => reject(asSessionError(error)) })
      })
    },
    async close() {
      isClosed = true
      await turns.idle()
      await parking.empty()
    },
  }
}

/** Runs the items in their order as one transaction, and settles or parks each. */
function runAll(connection: Connection, parking: Parking<Item>, items: readonly Item[]): void {
  if (items.length === 0) return
  const kind = kindOf(items)
  const hasTransaction = kind !== 'read' || items.length > 1
  try {
    if (kind !== 'read') connection.beginWrite(kind)
    else if (hasTransaction) connection.beginRead()
  } catch (error) {
    if (kind === 'read') return parking.park(items, error)
    parking.park(items.filter(isWrite), error)
    // What another process writes does not keep this one from reading.
    return runAll(
      connection,
      parking,
      items.filter((item) => !isWrite(item)),
    )
  }
  const answers: (() => void)[] = []
  try {
    for (const item of items) answers.push(item.attempt())
    if (hasTransaction) connection.commit()
  } catch (error) {
    if (hasTransaction) connection.rollback()
    // A commit that fails, fails for all of them; but one item that cannot be done must fail alone.
    if (items.length === 1 || answers.length === items.length) return parking.park(items, error)
    for (const item of items) runAll(connection, parking, [item])
    return
  }
  parking.relax()
  for (const answer of answers) answer()
}

function kindOf(items: readonly Item[]): Kind {
  if (items.some(({ kind }) => kind === 'durable')) return 'durable'
  return items.some(isWrite) ? 'cheap' : 'read'
}

function isWrite({ kind }: Item): boolean {
  return kind !== 'read'
}

function asSessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error
  const message = isBusy(error) ? 'another process keeps the file locked' : messageOf(error)
  return new SessionError('store-unavailable', `sqlite: ${message}`, { cause: error })
}
