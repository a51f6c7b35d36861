import { describe, expect, it } from 'vitest'
import { startPair } from './support/pair.ts'
import { sessionServers } from './support/session-stores.ts'
import type { Visitor } from './support/visitor.ts'
import { visitorAt } from './support/visitor.ts'

const ANN = { name: 'Ann', email: 'ann@example.org', password: 'Ann likes long passwords' }

describe.each(sessionServers)('two processes of the Reading Room behind one port, on $name', (place) => {
  it('what one of them does the other sees: signing in, the cart, signing out', async (context) => {
    const { port, pin } = await startPair(context, place)
    const ann = visitorAt(port)
    pin(0)
    expect(await ann.send('/cart/add/walden', { quantity: '1' })).toBe(303)
    const guest = ann.copy()
    expect(await ann.send('/sign-up', ANN)).toBe(303)
    pin(1)
    expect((await ann.look('/')).contents).toMatchObject({ reader: 'Ann', cart: { walden: 1 } })
    // The token of before the sign-in opens nothing, here either.
    expect((await guest.look('/')).contents).toBeUndefined()
    expect(await ann.send('/cart/add/winterreise', { quantity: '2' })).toBe(303)
    pin(0)
    expect((await ann.look('/cart')).contents?.cart).toEqual({ walden: 1, winterreise: 2 })
    const tab = ann.copy()
    expect(await ann.send('/sign-out')).toBe(303)
    for (const side of [1, 0]) {
      pin(side)
      expect((await tab.look('/')).contents, 'after the sign-out').toBeUndefined()
    }
  })

  it('RACE-1 RACE-15: overlapping requests to both lose nothing', async (context) => {
    const { port, served } = await startPair(context, place)
    const ann = visitorAt(port)
    await ann.look('/count')
    await ann.look('/shop/walden')
    const pages = await Promise.all(Array.from({ length: 40 }, () => ann.tryTo('/count')))
    const counts = pages.map((page) => page?.counted ?? 0)
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n + 2))
    const added = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        ann.send(`/cart/add/${n % 2 === 0 ? 'walden' : 'nocturnes'}`, { quantity: '1' }),
      ),
    )
    expect(new Set(added)).toEqual(new Set([303]))
    expect((await ann.look('/cart')).contents).toMatchObject({ count: 41, cart: { walden: 10, nocturnes: 10 } })
    for (const count of served) expect(count).toBeGreaterThan(25)
  })

  it('RACE-2: a sign-out at one is final at the other, whatever is under way there', async (context) => {
    const { port, processes } = await startPair(context, place)
    await visitorAt(port).send('/sign-up', ANN)
    for (let round = 0; round < 3; round++) {
      const ann = visitorAt(port)
      expect(await ann.send('/sign-in', ANN)).toBe(303)
      const [here, there] = processes.map((process) => visitorAt(process.port, ann.cookie())) as [Visitor, Visitor]
      await here.look('/count')
      const under = Array.from({ length: 6 }, () => there.copy().tryTo('/count'))
      expect(await here.send('/sign-out')).toBe(303)
      expect((await there.look('/')).contents?.reader).toBeUndefined()
      await Promise.all(under)
      const thief = visitorAt(port, ann.cookie())
      expect((await thief.look('/')).contents?.reader).toBeUndefined()
    }
  })

  it('one is killed while visitors go on: they lose nothing that they were told', async (context) => {
    const { port, processes, served } = await startPair(context, place)
    let isKilled = false
    let told = 0
    let failed = 0
    const visits = Array.from({ length: 8 }, async () => {
      const visitor = visitorAt(port)
      let [acknowledged, lost, after] = [0, 0, 0]
      while (after < 15) {
        const page = await visitor.tryTo('/count')
        if (page === undefined) lost++
        else acknowledged++
        told++
        if (isKilled) after++
      }
      failed += lost
      const { contents } = await visitor.look('/')
      // What was under way when the process died was counted or not.
      expect(contents?.count).toBeGreaterThanOrEqual(acknowledged)
      expect(contents?.count).toBeLessThanOrEqual(acknowledged + lost)
      return visitor
    })
    await expect.poll(() => told, { timeout: 30_000 }).toBeGreaterThan(40)
    processes[0]?.signal('SIGKILL')
    expect(await processes[0]?.exit).toEqual({ code: null, signal: 'SIGKILL' })
    isKilled = true
    const before = served[0]
    expect(await Promise.all(visits)).toHaveLength(8)
    expect(failed).toBeLessThanOrEqual(8)
    expect(served[0]).toBe(before)
  })
})
