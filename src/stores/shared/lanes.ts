import { nextTurn } from '#platform'

/** Something that a networked store was asked to do, and that may travel with others of its kind. */
export interface LaneItem<Kind extends string> {
  /** What travels together. */
  readonly kind: Kind
  /** The sessions it concerns. Two items with a key in common are done in the order in which they came. */
  readonly keys: readonly string[]
  /** Whether it changes nothing, so that any number of them may be under way for one key. */
  readonly isRead: boolean
  /** Tells the caller that it could not be done. */
  readonly fail: (error: unknown) => void
}

/** Gathers what arrives in one turn of the event loop, by kind. */
export interface Lanes<Item> {
  readonly add: (item: Item) => void
  /** Resolves as soon as nothing waits and nothing runs. */
  readonly idle: () => Promise<void>
}

/** How much of a kind travels together, and how much is under way at once. */
export interface LaneLimits {
  /** The most that one call of `run` gets. */
  readonly maxItems: number
  /** The most calls of `run` under way for one kind: while they are, more gathers, and batches grow under load. */
  readonly maxRunning: number
}

/**
 * Lets an item of the batch go on without a place in its lane, until the promise settles. Later writes to its sessions wait for
 * it; reads do not, since what was there before is right until then. The item fails with what the promise rejects with.
 */
export type Leave<Item> = (item: Item, work: Promise<void>) => void

/**
 * Items that are added in one turn of the event loop go to `run` at its end, those of a kind together and in the order in
 * which they came. An item waits only for earlier ones with the same key, and for a free place in its lane.
 *
 * `run` settles every item by the item's own means. When it rejects, all items of the batch fail with that error.
 */
export function createLanes<Kind extends string, Item extends LaneItem<Kind>>(
  run: (kind: Kind, items: readonly Item[], leave: Leave<Item>) => Promise<void>,
  limits: LaneLimits | ((kind: Kind) => LaneLimits),
): Lanes<Item> {
  const limitsOf = typeof limits === 'function' ? limits : () => limits
  // Undefined: what has left its batch.
  const running = createCounts<Kind | undefined>()
  const held = createHolds()
  let waiting: Item[] = []
  let isDue = false
  const idlers: (() => void)[] = []
  const flushSoon = (): void => {
    if (isDue) return
    isDue = true
    nextTurn(flush)
  }
  const flush = (): void => {
    isDue = false
    const room = (kind: Kind): number => limitsOf(kind).maxRunning - running.of(kind)
    const { batches, left } = takeBatches(waiting, held, room, (kind) => limitsOf(kind).maxItems)
    waiting = left
    for (const { kind, items } of batches) track(kind, settled(run, kind, items, held))
  }
  const track = (kind: Kind | undefined, work: Promise<readonly Solo[]>): void => {
    running.add(kind)
    void work.then((solos) => {
      for (const solo of solos) track(undefined, solo)
      running.remove(kind)
      if (waiting.length > 0) flushSoon()
      else if (running.isEmpty()) for (const resolve of idlers.splice(0)) resolve()
    })
  }
  return {
    add(item) {
      waiting.push(item)
      flushSoon()
    },
    idle: () =>
      running.isEmpty() && waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve)),
  }
}

/** An item that goes on without a place in its lane. */
type Solo = Promise<readonly never[]>

/** Resolves when the batch is done, with what has left it; items that `run` could not do have failed by then. */
async function settled<Kind, Item extends Held & Pick<LaneItem<string>, 'fail'>>(
  run: (kind: Kind, items: readonly Item[], leave: Leave<Item>) => Promise<void>,
  kind: Kind,
  items: readonly Item[],
  held: Holds,
): Promise<readonly Solo[]> {
  const left = new Map<Item, Promise<void>>()
  try {
    await run(kind, items, (item, work) => left.set(item, work))
  } catch (error) {
    for (const item of items) item.fail(error)
  }
  for (const item of items) held.release(item)
  return [...left].map(([item, work]) => alone(item, work, held))
}

async function alone<Item extends Held & Pick<LaneItem<string>, 'fail'>>(
  item: Item,
  work: Promise<void>,
  held: Holds,
): Solo {
  held.hold(asRead(item))
  await work.catch(item.fail)
  held.release(asRead(item))
  return []
}

interface Batch<Kind, Item> {
  readonly kind: Kind
  readonly items: Item[]
}

/** Takes what may go now, and leaves the rest in its order. */
function takeBatches<Kind extends string, Item extends LaneItem<Kind>>(
  waiting: readonly Item[],
  held: Holds,
  room: (kind: Kind) => number,
  maxItems: (kind: Kind) => number,
): { readonly batches: readonly Batch<Kind, Item>[]; readonly left: Item[] } {
  const batches: Batch<Kind, Item>[] = []
  const open = new Map<Kind, Batch<Kind, Item>>()
  const taken = new Map<Kind, number>()
  const left: Item[] = []
  const blocked = new Set<string>()

  const batchFor = (kind: Kind): Batch<Kind, Item> | undefined => {
    const last = open.get(kind)
    if (last !== undefined && last.items.length < maxItems(kind)) return last
    const count = taken.get(kind) ?? 0
    if (count >= room(kind)) return undefined
    const batch = { kind, items: [] }
    taken.set(kind, count + 1)
    open.set(kind, batch)
    batches.push(batch)
    return batch
  }

  for (const item of waiting) {
    const mayGo = held.isFree(item) && !item.keys.some((key) => blocked.has(key))
    const batch = mayGo ? batchFor(item.kind) : undefined
    if (batch === undefined) {
      // What comes later for the same session must not overtake it.
      for (const key of item.keys) blocked.add(key)
      left.push(item)
    } else {
      held.hold(item)
      batch.items.push(item)
    }
  }
  return { batches, left }
}

type Held = Pick<LaneItem<string>, 'keys' | 'isRead'>

const asRead = ({ keys }: Held): Held => ({ keys, isRead: true })

/** Which sessions something is under way for. */
interface Holds {
  isFree(item: Held): boolean
  hold(item: Held): void
  release(item: Held): void
}

function createHolds(): Holds {
  const writing = new Set<string>()
  const reading = createCounts<string>()
  return {
    isFree: ({ keys, isRead }) => keys.every((key) => !writing.has(key) && (isRead || reading.of(key) === 0)),
    hold({ keys, isRead }) {
      for (const key of keys) (isRead ? reading : writing).add(key)
    },
    release({ keys, isRead }) {
      for (const key of keys) {
        if (isRead) reading.remove(key)
        else writing.delete(key)
      }
    },
  }
}

function createCounts<Name>() {
  const counts = new Map<Name, number>()
  return {
    of: (name: Name) => counts.get(name) ?? 0,
    add: (name: Name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    remove(name: Name) {
      const left = (counts.get(name) ?? 0) - 1
      if (left > 0) counts.set(name, left)
      else counts.delete(name)
    },
    isEmpty: () => counts.size === 0,
  }
}
