import { describe, expect, it } from 'vitest'
import { createLanes } from './lanes.ts'

type Kind = 'get' | 'update'

interface Item {
  readonly kind: Kind
  readonly keys: readonly string[]
  readonly isRead: boolean
  readonly fail: (error: unknown) => void
}

interface Running {
  readonly batch: string
  readonly end: () => void
  readonly break: (error: Error) => void
}

function gather(limits: { maxItems?: number; maxRunning?: number } = {}) {
  const running: Running[] = []
  const failed: string[] = []
  const lanes = createLanes<Kind, Item>(
    (kind, items) =>
      new Promise((resolve, reject) => {
        running.push({ batch: `${kind} ${items.flatMap(({ keys }) => keys).join(' ')}`, end: resolve, break: reject })
      }),
    { maxItems: limits.maxItems ?? 100, maxRunning: limits.maxRunning ?? 2 },
  )
  const add = (kind: Kind, ...keys: string[]): void => {
    for (const key of keys)
      lanes.add({ kind, keys: [key], isRead: kind === 'get', fail: (error) => failed.push(`${key}: ${String(error)}`) })
  }
  return { lanes, add, running, failed, batches: () => running.map(({ batch }) => batch) }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('createLanes', () => {
  it('hands over what arrives in one turn together, those of a kind in one batch', async () => {
    const { add, batches } = gather()
    add('get', 'a')
    add('update', 'b')
    await Promise.resolve()
    add('get', 'c')
    expect(batches()).toEqual([])
    await nextTurn()
    expect(batches()).toEqual(['get a c', 'update b'])
  })

  it('keeps the order of one session, and lets other sessions pass', async () => {
    const { add, batches, running } = gather()
    add('update', 'a')
    add('get', 'a', 'b')
    add('update', 'a')
    await nextTurn()
    expect(batches()).toEqual(['update a', 'get b'])
    running[0]?.end()
    await nextTurn()
    await nextTurn()
    expect(batches()).toEqual(['update a', 'get b', 'get a'])
    running[2]?.end()
    await nextTurn()
    await nextTurn()
    expect(batches().at(-1)).toBe('update a')
  })

  it('reads one session any number of times at once', async () => {
    const { add, batches } = gather()
    add('get', 'a', 'a')
    await nextTurn()
    add('get', 'a')
    await nextTurn()
    expect(batches()).toEqual(['get a a', 'get a'])
  })

  it('bounds a batch and the batches of a kind under way, and gathers meanwhile', async () => {
    const { add, batches, running } = gather({ maxItems: 2, maxRunning: 2 })
    add('get', 'a', 'b', 'c', 'd', 'e')
    add('update', 'e', 'f')
    await nextTurn()
    expect(batches()).toEqual(['get a b', 'get c d', 'update f'])
    add('get', 'g')
    running[0]?.end()
    await nextTurn()
    await nextTurn()
    expect(batches().slice(3)).toEqual(['get e g'])
  })

  it('fails every item of a batch that fails, and goes on', async () => {
    const { lanes, add, running, failed, batches } = gather()
    add('get', 'a', 'b')
    await nextTurn()
    add('update', 'a')
    running[0]?.break(new Error('cut'))
    await nextTurn()
    await nextTurn()
    expect(failed).toEqual(['a: Error: cut', 'b: Error: cut'])
    expect(batches()).toEqual(['get a b', 'update a'])
    let isIdle = false
    void lanes.idle().then(() => (isIdle = true))
    await nextTurn()
    expect(isIdle).toBe(false)
    running[1]?.end()
    await nextTurn()
    expect(isIdle).toBe(true)
    await lanes.idle()
  })

  it('has limits of its own for each kind, if it is told', async () => {
    const started: string[] = []
    const lanes = createLanes<Kind, Item>(
      (kind, items) => {
        started.push(`${kind} ${items.length}`)
        return new Promise(() => undefined)
      },
      (kind) => (kind === 'get' ? { maxItems: 10, maxRunning: 1 } : { maxItems: 1, maxRunning: 3 }),
    )
    for (const kind of ['get', 'update'] as const) {
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        lanes.add({ kind, keys: [kind + key], isRead: false, fail: () => undefined })
      }
    }
    await nextTurn()
    expect(started).toEqual(['get 5', 'update 1', 'update 1', 'update 1'])
  })
})

describe('an item that a batch leaves', () => {
  it('gives its place back, and holds up nothing but what would change its sessions later', async () => {
    const batches: string[] = []
    const failed: string[] = []
    const left = Promise.withResolvers<undefined>()
    const lanes = createLanes<Kind, Item>(
      async (kind, items, leave) => {
        batches.push(`${kind} ${items.flatMap(({ keys }) => keys).join(' ')}`)
        for (const item of items) if (item.keys[0] === 'held' && kind === 'update') leave(item, left.promise)
      },
      { maxItems: 100, maxRunning: 1 },
    )
    const add = (kind: Kind, key: string): void =>
      lanes.add({ kind, keys: [key], isRead: kind === 'get', fail: (error) => failed.push(String(error)) })
    for (const key of ['a', 'held', 'b']) add('update', key)
    await nextTurn()
    for (const key of ['a', 'held']) add('get', key)
    for (const key of ['held', 'c']) add('update', key)
    await nextTurn()
    await nextTurn()
    expect(batches).toEqual(['update a held b', 'get a held', 'update c'])
    add('get', 'held')
    let isIdle = false
    const idle = lanes.idle().then(() => (isIdle = true))
    await nextTurn()
    expect(isIdle).toBe(false)
    left.reject(new Error('it was in vain'))
    await idle
    expect(batches.at(-1)).toBe('get held')
    expect(failed).toEqual(['Error: it was in vain', 'Error: it was in vain'])
  })
})
