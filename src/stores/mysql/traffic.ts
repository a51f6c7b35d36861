import { pause } from '#platform'
import type { Clock } from '../../core/clock.ts'
import { SessionError } from '../../core/errors.ts'
import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import { createLanes, type LaneItem, type LaneLimits, type Leave } from '../shared/lanes.ts'
import type { Ask } from './client.ts'
import { isRace, isRefusal, unavailable } from './errors.ts'
import { type Get, runGets } from './reads.ts'
import { createWaitingRoom } from './locked.ts'
import { createJoining, type Joining } from './joining.ts'
import { type Caller, runSaves, type Save, sizeOf } from './saves.ts'
import type { Names } from './tables.ts'
import { checkedKey, whole } from './values.ts'

/** What goes in a statement of its own. */
interface Alone extends LaneItem<'alone'> {
  readonly work: () => Promise<void>
}

type Item = Get | Save | Alone

/** All that goes to the server. */
export interface Traffic extends Pick<Joining, 'update' | 'touch'> {
  readonly get: (key: StoreKey, caller: Caller<Entry>) => void
  /** Something of its own, after what came before for the same keys. */
  readonly alone: <R>(keys: readonly StoreKey[], work: (ask: Ask) => Promise<R>) => Promise<R>
  /** Refuses what comes from now on, and waits for what came before. */
  readonly close: () => Promise<void>
}

type Entry = SessionRecord | Tombstone | undefined

// Under load a batch is what came while others were under way. What goes alone takes a connection of the pool, which has
// its own limit and queues the rest.
const LIMITS: Readonly<Record<Item['kind'], LaneLimits>> = {
  get: { maxItems: 128, maxRunning: 4 },
  save: { maxItems: 128, maxRunning: 4 },
  alone: { maxItems: 1, maxRunning: 64 },
}
// In UTF-16 units. As UTF-8 in hexadecimal each takes up to six bytes, and 1 MiB is a packet that every server takes.
const MOST_TEXT = 150_000

export function createTraffic(ask: Ask, names: Names, now: Clock): Traffic {
  const patiently = patient(ask)
  let isClosed = false
  const lanes = createLanes<Item['kind'], Item>(
    runnerOf(patiently, names, now, (save) => joining.sent(save)),
    (kind) => LIMITS[kind],
  )
  const joining = createJoining(lanes.add)
  const isOpenFor = ({ fail }: Pick<Item, 'fail'>): boolean => {
    if (isClosed) fail(new SessionError('closed', 'mysql: the store is closed'))
    return !isClosed
  }
  return {
    get(key, { settle, fail }) {
      if (isOpenFor({ fail })) lanes.add({ kind: 'get', isRead: true, key: checkedKey(key), keys: [key], settle, fail })
    },
    update(key, version, record, caller) {
      if (isOpenFor(caller)) joining.update(key, version, record, caller)
    },
    touch(key, seenAt, expiresAt, caller) {
      if (isOpenFor(caller)) joining.touch(key, whole(seenAt), whole(expiresAt), caller)
    },
    alone: (keys, work) =>
      new Promise((resolve, reject) => {
        const fail = (error: unknown): void => reject(unavailable(error))
        if (!isOpenFor({ fail })) return
        lanes.add({ kind: 'alone', keys, isRead: false, fail, work: async () => resolve(await work(patiently)) })
      }),
    close() {
      isClosed = true
      return lanes.idle()
    },
  }
}

function runnerOf(ask: Ask, names: Names, now: Clock, onSent: (save: Save) => void) {
  const room = createWaitingRoom((saves) => runInChunks(ask, names, now, saves))
  return async (_kind: Item['kind'], items: readonly Item[], leave: Leave<Item>): Promise<void> => {
    const gets = items.filter((item) => item.kind === 'get')
    const saves = items.filter((item) => item.kind === 'save')
    for (const save of saves) onSent(save)
    if (gets.length > 0) await together(gets, (some) => runGets(ask, names, now(), some))
    const locked = await runInChunks(ask, names, now, saves)
    for (const save of locked) leave(save, room.enter(save))
    for (const item of items) if (item.kind === 'alone') await item.work()
  }
}

/** Gives those whose rows are locked. */
async function runInChunks(ask: Ask, names: Names, now: Clock, saves: readonly Save[]): Promise<readonly Save[]> {
  const locked: Save[] = []
  const run = async (some: readonly Save[]): Promise<void> => {
    locked.push(...(await runSaves(ask, names, now(), some)))
  }
  await Promise.all(chunksOf(saves).map((chunk) => together(chunk, run)))
  return locked
}

/**
 * Runs the items as one statement; each as its own when the server refused the statement for one of them. `run` rejects
 * with what the server or the way to it says, never for what is wrong with an answer: what is done is not done again.
 */
async function together<I extends { readonly fail: (error: unknown) => void }>(
  items: readonly I[],
  run: (items: readonly I[]) => Promise<void>,
): Promise<void> {
  try {
    await run(items)
  } catch (error) {
    if (items.length > 1 && isRefusal(error)) await Promise.all(items.map((item) => together([item], run)))
    else for (const item of items) item.fail(unavailable(error))
  }
}

/** In the order of the keys, so that two batches with the same sessions do not lock each other out. */
function chunksOf(saves: readonly Save[]): readonly (readonly Save[])[] {
  const chunks: Save[][] = []
  let size = Infinity
  for (const save of saves.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    size += sizeOf(save)
    if (size > MOST_TEXT || chunks.at(-1)?.length === LIMITS.save.maxItems) {
      chunks.push([])
      size = sizeOf(save)
    }
    chunks.at(-1)?.push(save)
  }
  return chunks
}

const ATTEMPTS = 20
const LONGEST_PAUSE = 50

/** Asks again when the server took a call back because another was in the way. */
function patient(ask: Ask): Ask {
  const again = async (sql: string, attempt: number, error: unknown): Promise<Awaited<ReturnType<Ask>>> => {
    if (attempt === ATTEMPTS || !isRace(error)) throw error
    await pause(Math.random() * Math.min(2 ** attempt, LONGEST_PAUSE))
    return ask(sql).catch((next: unknown) => again(sql, attempt + 1, next))
  }
  return (sql) => ask(sql).catch((error: unknown) => again(sql, 1, error))
}
