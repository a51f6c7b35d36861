import { describe, expect, it } from 'vitest'
import { createTurns, type Turns, type TurnItem } from './turn.ts'

interface Item extends TurnItem {
  readonly name: string
}

function gather(options: { maxItems?: number; run?: (items: readonly Item[]) => void | Promise<void> } = {}) {
  const batches: string[][] = []
  const failed: [string, unknown][] = []
  const turns: Turns<Item> = createTurns(
    (items) => {
      batches.push(items.map(({ name }) => name))
      return options.run?.(items)
    },
    { maxItems: options.maxItems ?? 100 },
  )
  const add = (...names: string[]): void => {
    for (const name of names) turns.add({ name, fail: (error) => failed.push([name, error]) })
  }
  return { turns, add, batches, failed }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('createTurns', () => {
  it('hands over together, and in order, what arrives in one turn', async () => {
    const { turns, add, batches } = gather()
    add('a', 'b')
    await Promise.resolve()
    add('c')
    expect(batches).toEqual([])
    await turns.idle()
    expect(batches).toEqual([['a', 'b', 'c']])
    add('d')
    await turns.idle()
    expect(batches).toEqual([['a', 'b', 'c'], ['d']])
  })

  it('answers after a single turn when it is idle', async () => {
    const { add, batches } = gather()
    add('a')
    await nextTurn()
    expect(batches).toEqual([['a']])
  })

  it('bounds a batch and lets the event loop go round before the next', async () => {
    const { turns, add, batches } = gather({ maxItems: 2 })
    add('a', 'b', 'c', 'd', 'e')
    await nextTurn()
    expect(batches).toEqual([['a', 'b']])
    await nextTurn()
    expect(batches).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    await turns.idle()
    expect(batches.at(-1)).toEqual(['e'])
  })

  it('gathers on while a batch runs, and never runs two', async () => {
    const gates: (() => void)[] = []
    const { turns, add, batches } = gather({ run: () => new Promise((resolve) => gates.push(resolve)) })
    add('a')
    await nextTurn()
    add('b')
    await nextTurn()
    add('c')
    expect(batches).toEqual([['a']])
    gates[0]?.()
    await nextTurn()
    await nextTurn()
    expect(batches).toEqual([['a'], ['b', 'c']])
    gates[1]?.()
    await turns.idle()
  })

  it.each([
    ['throws', (): void => raise(new Error('lost'))],
    ['rejects', async (): Promise<void> => raise(new Error('lost'))],
  ])('fails every item of a batch whose run %s, and goes on with the next', async (_how, fault) => {
    let isBroken = true
    const { turns, add, batches, failed } = gather({ run: () => (isBroken ? fault() : undefined) })
    add('a', 'b')
    await turns.idle()
    expect(failed).toEqual([
      ['a', new Error('lost')],
      ['b', new Error('lost')],
    ])
    isBroken = false
    add('c')
    await turns.idle()
    expect(batches.at(-1)).toEqual(['c'])
    expect(failed.length).toBe(2)
  })
})

function raise(error: Error): never {
  throw error
}
