import { describe, expect } from 'vitest'
import { HOUR, MINUTE, newClient } from '../../support/bed.ts'
import type { Race } from '../lab.ts'
import { finish } from '../lab.ts'

/** Processes that share a store and disagree about the time, with their stores. */
export function clockRaces(race: Race): void {
  describe('processes on one store whose clocks disagree', () => {
    race('RACE-12: 5 minutes behind and 5 ahead, they keep the absolute limit but for the difference', async (lab) => {
      const nodes = [await lab.node(-5 * MINUTE), await lab.node(5 * MINUTE)]
      for (const [first, second] of [nodes, nodes.toReversed()]) {
        const client = newClient()
        await first?.visit(client, (session) => session.login('ann'))
        const began = lab.clock.now()
        let last = 0
        for (let minute = 5; minute < 13 * 60; minute += 5) {
          lab.clock.advance(5 * MINUTE)
          const node = minute % 2 === 0 ? first : second
          if ((await node?.visit(client, ({ subject }) => subject)) !== 'ann') break
          last = lab.clock.now() - began
        }
        expect(last).toBeLessThan(12 * HOUR + 10 * MINUTE)
        expect(last).toBeGreaterThanOrEqual(12 * HOUR - 15 * MINUTE)
        lab.clock.advance(10 * MINUTE)
        for (const node of nodes) expect(await node.visit(client, ({ subject }) => subject)).toBeUndefined()
      }
    })

    race('RACE-12: an idle session ends in both, at most the difference apart', async (lab) => {
      const nodes = [await lab.node(-5 * MINUTE), await lab.node(5 * MINUTE)]
      for (const [first, second] of [nodes, nodes.toReversed()]) {
        const client = newClient()
        await first?.visit(client, (session) => session.login('ann'))
        lab.clock.advance(4 * MINUTE)
        expect(await second?.visit(client, ({ subject }) => subject)).toBe('ann')
        lab.clock.advance(40 * MINUTE)
        for (const node of nodes) expect(await node.visit(client, ({ subject }) => subject)).toBeUndefined()
      }
    })

    race('RACE-12 RACE-2 RACE-10: what one ended is ended for the other, whoever is ahead', async (lab) => {
      const nodes = [await lab.node(-5 * MINUTE), await lab.node(5 * MINUTE)]
      for (const [first, second] of [nodes, nodes.toReversed()]) {
        const [one, two, three] = [newClient(), newClient(), newClient()]
        for (const client of [one, two, three]) await first?.visit(client, (session) => session.login('ann'))
        const late = await second!.open(one)
        late.data['late'] = true
        await first?.visit({ jar: new Map(one.jar) }, (session) => session.logout())
        expect(await finish(late)).toEqual({ cookies: [], refused: 'gone' })
        expect(await second?.visit(one, ({ subject }) => subject)).toBeUndefined()
        expect(await second?.sessions.forSubject('ann').endAll()).toBe(2)
        for (const client of [two, three]) {
          expect(await first?.visit(client, ({ subject }) => subject)).toBeUndefined()
        }
        expect(await lab.live()).toEqual([])
      }
    })
  })
}
