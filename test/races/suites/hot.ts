import { describe, expect } from 'vitest'
import type { Session } from '../../../src/core/session.ts'
import type { Loose } from '../../support/bed.ts'
import { MINUTE, copyOf, tokenOf } from '../../support/bed.ts'
import type { Race } from '../lab.ts'
import { dataOf, finish } from '../lab.ts'

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

/** Many requests at once on one session. */
export function hotRaces(race: Race): void {
  describe('many requests at once, with nothing held', () => {
    race('RACE-1: 100 parallel increments of 100 requests on one session are exact', async (lab) => {
      const client = await lab.visitor({ n: 0 })
      const counts = await Promise.all(
        range(100).map(() => lab.visit(copyOf(client), (session) => session.increment('n'))),
      )
      expect(counts.toSorted((a, b) => a - b)).toEqual(range(100).map((i) => i + 1))
      expect(dataOf(await lab.under(client))).toEqual({ n: 100 })
    })

    race(
      'RACE-1: 100 parallel increments of one request are exact, on a session that is just beginning too',
      async (lab) => {
        const client = await lab.visitor({ n: 0 })
        for (const [jar, before] of [
          [client, { n: 0 }],
          [{ jar: new Map() }, {}],
        ] as const) {
          await lab.visit(jar, async (session) => {
            Object.assign(session.data, before)
            const counts = await Promise.all(range(100).map(() => session.increment('n')))
            expect(counts.toSorted((a, b) => a - b)).toEqual(range(100).map((i) => i + 1))
          })
          expect(dataOf(await lab.under(jar))).toEqual({ n: 100 })
        }
        expect(await lab.live()).toHaveLength(2)
      },
    )

    race('RACE-1: 100 requests write 100 keys and one list, and all of it is kept', async (lab) => {
      const client = await lab.visitor({ list: [] })
      const sessions = await Promise.all(range(100).map(() => lab.open(client)))
      for (const [i, session] of sessions.entries()) {
        session.data[`key${i}`] = i
        ;(session.data['list'] as number[]).push(i)
      }
      await Promise.all(sessions.map(finish))
      const { list, ...keys } = dataOf(await lab.under(client)) as Loose & { readonly list: number[] }
      expect(list.toSorted((a, b) => a - b)).toEqual(range(100))
      expect(Object.keys(keys)).toHaveLength(100)
    })

    race('RACE-15: of 100 parallel takes of one request exactly one gets the value', async (lab) => {
      const client = await lab.visitor({ state: 'only once' })
      await lab.visit(client, async (session) => {
        const taken = await Promise.all(range(100).map(() => session.take('state')))
        expect(taken.filter((value) => value !== undefined)).toEqual(['only once'])
      })
      await lab.visit({ jar: new Map() }, async (session) => {
        session.data['state'] = 'only once'
        const taken = await Promise.all(range(100).map(() => session.take('state')))
        expect(taken.filter((value) => value !== undefined)).toEqual(['only once'])
      })
    })

    race('RACE-10: the end of all sessions counts a login beside it exactly when it ends it', async (lab) => {
      for (const round of range(20)) {
        const others = [await lab.signedIn('ann'), await lab.signedIn('ann')]
        const clients = await Promise.all(range(4).map(() => lab.visitor()))
        const logins = clients.map((client) => lab.visit(client, (session) => session.login('ann')))
        const [ended] = await Promise.all([lab.sessions.forSubject('ann').endAll(), ...logins])
        const subjects = await Promise.all(clients.map((client) => lab.visit(client, ({ subject }) => subject)))
        const living = subjects.filter((subject) => subject === 'ann').length
        expect(ended + living, `round ${round}`).toBe(6)
        expect(await lab.sessions.forSubject('ann').count()).toBe(living)
        for (const other of others) expect(await lab.visit(other, ({ subject }) => subject)).toBeUndefined()
        await lab.sessions.forSubject('ann').endAll()
      }
    })

    race('RACE-6: of 30 logins at once on one token one makes the session', async (lab) => {
      const client = await lab.visitor()
      const sessions = await Promise.all(range(30).map(() => lab.open(client)))
      const results = await Promise.allSettled(sessions.map((session) => session.login('ann')))
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'superseded' })
      }
      expect(await lab.live()).toHaveLength(1)
      const outcomes = await Promise.all(sessions.map(finish))
      expect(outcomes.filter(({ cookies }) => cookies.length > 0)).toHaveLength(1)
    })
  })

  describe('acceptance cases 4.10', () => {
    race('RACE-1: 4.10 (1) two overlapping requests that write different keys keep both', async (lab) => {
      const client = await lab.visitor()
      await Promise.all([
        lab.visit(client, (session) => void (session.data['a'] = 1)),
        lab.visit(client, (session) => void (session.data['b'] = 2)),
      ])
      expect(dataOf(await lab.under(client))).toEqual({ seen: true, a: 1, b: 2 })
    })

    race(
      'RACE-1: 4.10 (2) overlapping increments give the exact sum, and no request waits for another',
      async (lab) => {
        const client = await lab.visitor({ n: 0 })
        const slow = await lab.open(client)
        await slow.increment('n', 3)
        // The slow request is still under way, and holds no lock.
        const amounts = range(30).map((i) => i + 1)
        await Promise.all(amounts.map((by) => lab.visit(copyOf(client), (session) => session.increment('n', by))))
        await slow.increment('n', 4)
        await finish(slow)
        expect(dataOf(await lab.under(client))).toEqual({ n: 3 + 4 + amounts.reduce((sum, by) => sum + by, 0) })
      },
    )

    race('RACE-2 VULN-5: 4.10 (3) a delete exactly between read and write leaves no ghost record', async (lab) => {
      const writes: Readonly<Record<string, (session: Session<Loose>) => Promise<unknown>>> = {
        save: (session) => session.set('late', true).save(),
        increment: (session) => session.increment('n'),
        rotate: (session) => session.rotate(),
        touch: async (session) => session.commit(),
      }
      for (const [name, write] of Object.entries(writes)) {
        const client = await lab.visitor()
        lab.clock.advance(2 * MINUTE)
        const session = await lab.open(client)
        lab.paused.hold()
        const writing = Promise.resolve(write(session)).catch(() => undefined)
        const [call] = await lab.held(1)
        await lab.raw.delete(call?.args[0] as Parameters<typeof lab.raw.delete>[0])
        call?.release()
        lab.paused.releaseAll()
        await writing
        expect((await finish(session)).cookies, name).toEqual([])
        expect(await lab.live(), name).toEqual([])
      }
    })

    race('RACE-4: 4.10 (4) a rotation with 20 requests in flight: all land in one session', async (lab) => {
      const client = await lab.visitor({ n: 0 })
      const old = copyOf(client)
      const opened = await Promise.all(range(10).map(() => lab.open(old)))
      await lab.visit(client, (session) => session.rotate())
      expect(tokenOf(client)).not.toBe(tokenOf(old))
      const later = await Promise.all(range(10).map(() => lab.open(old)))
      const sessions = [...opened, ...later]
      await Promise.all(sessions.map((session) => session.increment('n')))
      for (const [i, session] of sessions.entries()) session.data[`key${i}`] = i
      const outcomes = await Promise.all(sessions.map(finish))
      for (const { cookies } of outcomes) expect(cookies).toEqual([])
      expect(await lab.live()).toHaveLength(1)
      const data = dataOf(await lab.under(client)) as Loose
      expect(data['n']).toBe(20)
      expect(Object.keys(data)).toHaveLength(21)
      lab.clock.advance(10_000)
      await lab.visit(old, (session) => expect(session.isStarted).toBe(false))
      expect(await lab.visit(client, (session) => session.get('n'))).toBe(20)
    })
  })
}
