import { nextTurn } from '#platform'

/** Something that a store was asked to do and that may travel with what else was asked in the same turn. */
export interface TurnItem {
  /** Tells the caller that it could not be done. */
  readonly fail: (error: unknown) => void
}

/** Gathers what arrives in one turn of the event loop. */
export interface Turns<Item extends TurnItem> {
  readonly add: (item: Item) => void
  /** Resolves as soon as nothing waits and nothing runs. */
  readonly idle: () => Promise<void>
}

/**
 * Items that are added in one turn of the event loop are handed together to `run`, at the end of that turn and in the
 * order in which they came. A turn that waits for `run` gathers on, so batches grow by themselves under load; an idle
 * store answers after a single turn.
 *
 * `run` settles every item by the item's own means. If it throws or rejects, all items of the batch fail with that error.
 * @param options.maxItems the most that one call of `run` gets; what is left comes one turn later, after other work.
 */
export function createTurns<Item extends TurnItem>(
  run: (items: readonly Item[]) => void | Promise<void>,
  options: { readonly maxItems: number },
): Turns<Item> {
  const queue: Item[] = []
  let isBusy = false
  let idlers: (() => void)[] = []

  const flush = (): void => {
    const items = queue.splice(0, options.maxItems)
    const failAll = (error: unknown): void => {
      for (const item of items) item.fail(error)
    }
    try {
      const running = run(items)
      if (running === undefined) settle()
      else void running.catch(failAll).then(settle)
    } catch (error) {
      failAll(error)
      settle()
    }
  }
  const settle = (): void => {
    if (queue.length > 0) return nextTurn(flush)
    isBusy = false
    const waiting = idlers
    idlers = []
    for (const resolve of waiting) resolve()
  }

  return {
    add(item) {
      queue.push(item)
      if (isBusy) return
      isBusy = true
      nextTurn(flush)
    },
    idle: () => (isBusy ? new Promise((resolve) => idlers.push(resolve)) : Promise.resolve()),
  }
}
