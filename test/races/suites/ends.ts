import { describe, expect } from 'vitest'
import { countingStore, interceptStore } from '../../../src/testing/index.ts'
import type { Loose } from '../../support/bed.ts'
import { HOUR, MINUTE, bed, copyOf, newClient, tokenOf } from '../../support/bed.ts'
import type { FullStore } from '../../support/stores.ts'
import type { Race } from '../lab.ts'
import { crashing, finish, inEveryOrder } from '../lab.ts'

/** Ends of sessions that others use, also when the backend or the clocks go wrong. */
export function endRaces(race: Race): void {
  describe('ending sessions that others use', () => {
    race('RACE-8 VULN-23: another manager refuses an ended session at once, for it caches nothing', async (lab) => {
      const counting = countingStore(lab.raw)
      const other = bed<Loose>({ store: counting.store, clock: lab.clock })
      const client = await lab.signedIn('ann')
      for (const round of [1, 2, 3]) {
        expect(await other.visit(copyOf(client), (session) => session.subject)).toBe('ann')
        expect(counting.count('get'), 'each request asks the store').toBe(round)
      }
      await lab.visit(copyOf(client), (session) => session.logout())
      expect(await other.visit(copyOf(client), (session) => session.subject)).toBeUndefined()
    })

    race('RACE-10 ASVS5-7.4.2: a login is before the end of all sessions, and dies, or after it', async (lab) => {
      for (const stage of ['before', 'after'] as const) {
        const client = await lab.visitor()
        const others = [await lab.signedIn('ann'), await lab.signedIn('ann')]
        lab.paused.hold({ method: 'rotate', stage })
        const session = await lab.open(client)
        const login = session.login('ann')
        const [rotation] = await lab.held(1)
        const isBefore = stage === 'after'
        expect(await lab.sessions.forSubject('ann').endAll()).toBe(isBefore ? 3 : 2)
        expect(await lab.sessions.forSubject('ann').list()).toEqual([])
        rotation?.release()
        lab.paused.releaseAll()
        await login
        const outcome = await finish(session)
        expect(await lab.sessions.forSubject('ann').count()).toBe(isBefore ? 0 : 1)
        for (const other of others) expect(await lab.visit(other, ({ subject }) => subject)).toBeUndefined()
        for (const jar of inEveryOrder(client, outcome)) {
          expect(await lab.visit(jar, ({ subject }) => subject)).toBe(isBefore ? undefined : 'ann')
        }
        await lab.sessions.revokeAll()
      }
    })

    race('RACE-10 RACE-2: no request of an ended session gets its session back, whatever it was doing', async (lab) => {
      const client = await lab.signedIn('ann')
      const verbs = ['save', 'rotate', 'elevate', 'increment', 'logout'] as const
      const sessions = await Promise.all(verbs.map(() => lab.open(client)))
      lab.paused.hold()
      const work = Promise.allSettled(
        sessions.map(async (session, i) => {
          const verb = verbs[i] ?? 'save'
          session.data['late'] = verb
          await (verb === 'increment' ? session.increment('n') : session[verb]())
          return session.commit()
        }),
      )
      const calls = await lab.held(verbs.length)
      await lab.raw.deleteBySubject('id:ann')
      for (const call of calls) call.release()
      lab.paused.releaseAll()
      await work
      expect(await lab.live()).toEqual([])
      expect(await lab.visit(client, (session) => session.isStarted)).toBe(false)
    })

    race('ASVS5-7.4.3 RACE-6: whoever rotated the kept session meanwhile is out after endAll', async (lab) => {
      for (const thiefs of ['rotate', 'rotate at once', 'elevate'] as const) {
        const client = await lab.signedIn('ann')
        const thief = copyOf(client)
        const own = await lab.open(client)
        await lab.visit(thief, async (session) => {
          if (thiefs === 'elevate') await session.elevate()
          else await session.rotate(thiefs === 'rotate' ? {} : { grace: '0s' })
        })
        expect(tokenOf(thief)).not.toBe(tokenOf(client))
        await lab.sessions.forSubject('ann').endAll({ except: own })
        const outcome = await finish(own)
        expect(await lab.visit(thief, ({ subject }) => subject), thiefs).toBeUndefined()
        for (const jar of inEveryOrder(client, outcome)) {
          expect(await lab.visit(jar, ({ subject }) => subject)).toBe(thiefs === 'rotate' ? 'ann' : undefined)
        }
        await lab.visit(copyOf(client), (session) => expect(session.subject).toBeUndefined())
        await lab.sessions.revokeAll()
      }
    })
  })

  describe('acknowledged and lost', () => {
    race(
      'RACE-7: a logout that the backend forgets outlives no absolute limit, however much it is used',
      async (lab) => {
        const lossy = forgetfulStore(lab.raw)
        const before = bed<Loose>({ store: lossy.store, clock: lab.clock })
        const client = await before.signedIn('ann')
        const thief = copyOf(client)
        const began = lab.clock.now()
        lab.clock.advance(5 * MINUTE)
        lossy.forgetNext()
        await before.visit(client, (session) => session.logout())
        expect(tokenOf(client)).toBeUndefined()
        // After the failover the deletion is lost, and the copied token opens the session as if nothing had happened.
        let last = 0
        for (let minute = 5; minute < 14 * 60; minute += 5) {
          lab.clock.advance(5 * MINUTE)
          if ((await lab.visit(thief, ({ subject }) => subject)) === 'ann') last = lab.clock.now() - began
        }
        expect(last).toBeGreaterThan(0)
        expect(last).toBeLessThan(12 * HOUR)
        expect(await lab.live()).toEqual([])
      },
    )

    race('RACE-7: what a failover brought back, ending the sessions of the user ends for good', async (lab) => {
      const lossy = forgetfulStore(lab.raw)
      const before = bed<Loose>({ store: lossy.store, clock: lab.clock })
      const client = await before.signedIn('ann')
      lossy.forgetNext()
      await before.visit(copyOf(client), (session) => session.logout())
      expect(await lab.sessions.forSubject('ann').endAll()).toBe(1)
      expect(await lab.visit(client, ({ subject }) => subject)).toBeUndefined()
    })
  })

  describe('clocks that disagree', () => {
    for (const [slow, fast, own] of [
      [-5, 5, 0],
      [-5, 5, -5],
      [-5, 5, 5],
    ] as const) {
      race(`RACE-12: nodes ${slow} and +${fast} minutes off on a store at ${own} keep the limits`, async (lab) => {
        const skewed = (minutes: number): (() => number) => {
          return () => lab.clock.now() + (minutes - own) * MINUTE
        }
        // The store runs on the lab's clock: that is the time of a node which is off by `own`.
        const nodes = [slow, fast].map((minutes) => lab.another({ now: skewed(minutes) }))
        for (const [first, second] of [nodes, nodes.toReversed()]) {
          const client = newClient()
          await first?.visit(client, (session) => session.login('ann'))
          const began = lab.clock.now()
          const [record] = await lab.live()
          let last = 0
          for (let minute = 1; minute < 13 * 60; minute++) {
            lab.clock.advance(MINUTE)
            const node = minute % 2 === 0 ? first : second
            const subject = await node?.visit(client, (session) => session.subject)
            if (subject === 'ann') last = lab.clock.now() - began
            else break
          }
          const tolerance = (fast - slow) * MINUTE
          expect(last).toBeLessThanOrEqual(12 * HOUR + tolerance)
          expect(last).toBeGreaterThanOrEqual(12 * HOUR - tolerance - MINUTE)
          expect(record?.createdAt).toBeDefined()
          expect(await lab.visit(client, (session) => session.subject)).toBeUndefined()
        }
      })
    }

    race('RACE-12: an idle session ends, whichever clock sees it last', async (lab) => {
      const nodes = [-5, 5].map((minutes) => lab.another({ now: () => lab.clock.now() + minutes * MINUTE }))
      for (const [first, second] of [nodes, nodes.toReversed()]) {
        const client = newClient()
        await first?.visit(client, (session) => session.login('ann'))
        lab.clock.advance(4 * MINUTE)
        expect(await second?.visit(client, (session) => session.subject)).toBe('ann')
        lab.clock.advance(26 * MINUTE)
        for (const node of [first, second]) expect(await node?.visit(client, ({ subject }) => subject)).toBeUndefined()
      }
    })
  })

  describe('index and records', () => {
    race('RACE-14: the list shows a session exactly while it lives, through all that can happen to it', async (lab) => {
      const agrees = async (): Promise<number> => {
        const live = (await lab.live()).filter(({ subject }) => subject === 'id:ann')
        const listed = await lab.sessions.forSubject('ann').list()
        expect(listed.map(({ handle }) => handle).toSorted()).toEqual(live.map(({ handle }) => handle).toSorted())
        expect(await lab.sessions.forSubject('ann').count()).toBe(live.length)
        return live.length
      }
      const [a, b, c] = [await lab.signedIn('ann'), await lab.signedIn('ann'), await lab.signedIn('ann')]
      expect(await agrees()).toBe(3)
      await lab.visit(a, (session) => session.rotate())
      await lab.visit(a, (session) => session.elevate())
      expect(await agrees()).toBe(3)
      await lab.visit(b, (session) => session.login('bob'))
      expect(await agrees()).toBe(2)
      await lab.visit(c, (session) => session.logout({ keep: 'all' }))
      expect(await agrees()).toBe(1)
      lab.clock.advance(10 * MINUTE)
      await lab.visit(a, (session) => void (session.data['n'] = 1))
      lab.clock.advance(10 * MINUTE)
      expect(await agrees()).toBe(1)
      lab.clock.advance(6 * MINUTE)
      expect(await agrees()).toBe(0)
      await lab.sessions.sweep()
      expect(await agrees()).toBe(0)
    })

    race('RACE-14: a crash at any call of the end of all sessions leaves list and records agreeing', async (lab) => {
      for (const crashAt of [1, 2, 3]) {
        for (const fault of ['reject', 'drop-reply'] as const) {
          const client = await lab.signedIn('ann')
          await lab.signedIn('ann')
          const doomed = bed<Loose>({ store: crashing(lab.raw, crashAt, fault), clock: lab.clock })
          await doomed
            .open(client)
            .then((own) => doomed.sessions.forSubject('ann').endAll({ except: own }))
            .catch(() => undefined)
          const listed = await lab.sessions.forSubject('ann').list()
          const live = (await lab.live()).map(({ handle }) => handle)
          expect(listed.map(({ handle }) => handle).toSorted()).toEqual(live.toSorted())
          await lab.sessions.revokeAll()
        }
      }
    })
  })
}

interface Forgetful {
  readonly store: FullStore
  readonly forgetNext: () => void
}

/** Says yes to a deletion and loses it, as a primary that acknowledges and then dies. */
function forgetfulStore(inner: FullStore): Forgetful {
  let forgets = false
  return {
    store: interceptStore(inner, async ({ method }, run) => {
      if (method !== 'delete' || !forgets) return run()
      forgets = false
      return true
    }),
    forgetNext: () => {
      forgets = true
    },
  }
}
