import { describe, expect } from 'vitest'
import type { Outcome } from '../../../src/core/web/response.ts'
import type { Session } from '../../../src/core/session.ts'
import { interceptStore } from '../../../src/testing/index.ts'
import type { Loose } from '../../support/bed.ts'
import { MINUTE, bed, clientWith, copyOf, newClient, receive, tokenOf } from '../../support/bed.ts'
import type { Race } from '../lab.ts'
import { crashing, dataOf, finish, inEveryOrder, tokenIn } from '../lab.ts'

const AT_ONCE = { rotation: { grace: '0s' } } as const
const SECOND = 1000

/** Replacements of tokens beside everything else. */
export function rotationRaces(race: Race): void {
  describe('a rotation beside a save', () => {
    race('RACE-4: a save with the old token goes where the session has moved', async (lab) => {
      const client = await lab.visitor({ seen: true })
      const old = tokenOf(client)
      const [a, b] = [await lab.open(client), await lab.open(client)]
      a.data['a'] = 1
      b.data['b'] = 1
      lab.paused.hold({ method: 'update' })
      const saving = finish(a)
      const [update] = await lab.held(1)
      await b.rotate()
      const rotating = await finish(b)
      update?.release()
      lab.paused.releaseAll()
      const saved = await saving
      expect(saved.cookies).toEqual([])
      for (const jar of inEveryOrder(client, rotating, saved)) {
        expect(tokenOf(jar)).toBe(tokenIn(rotating))
        expect(dataOf(await lab.under(jar))).toEqual({ seen: true, a: 1, b: 1 })
      }
      expect(await lab.live()).toHaveLength(1)
      expect((await lab.under(old))?.state).toBe('moved')
      lab.clock.advance(10 * SECOND)
      expect(await lab.under(old)).toBeUndefined()
    })

    race(
      'RACE-4: without grace the save with the old token is refused, and an event tells (F2)',
      async (lab) => {
        const client = await lab.visitor({ seen: true })
        const old = tokenOf(client)
        const events = lab.record('gone')
        const [a, b] = [await lab.open(client), await lab.open(client)]
        a.data['a'] = 1
        b.data['b'] = 1
        lab.paused.hold({ method: 'update' })
        const saving = finish(a)
        const [update] = await lab.held(1)
        await b.rotate()
        const rotating = await finish(b)
        update?.release()
        const saved = await saving
        expect(saved).toEqual({ cookies: [], refused: 'gone' })
        expect(events).toHaveLength(1)
        for (const jar of inEveryOrder(client, rotating, saved)) {
          expect(dataOf(await lab.under(jar))).toEqual({ seen: true, b: 1 })
        }
        expect(await lab.live()).toHaveLength(1)
        expect((await lab.under(old))?.state).toBe('dead')
      },
      AT_ONCE,
    )
  })

  describe('a login', () => {
    const login = async (session: Session<Loose>): Promise<unknown> => session.login('ann', { keep: ['cart'] })

    race('RACE-5 RACE-14: a crash at any store call of a login leaves no user under the old token', async (lab) => {
      for (let crashAt = 1, calls = Infinity; crashAt <= calls; crashAt++) {
        for (const fault of ['reject', 'drop-reply'] as const) {
          const client = await lab.visitor({ cart: ['tea'] })
          let count = 0
          const watched = interceptStore(lab.raw, async (_call, run) => {
            const answer = await run()
            const old = await lab.under(client)
            if (old?.state === 'live') expect(old.subject).toBeUndefined()
            return answer
          })
          const counted = interceptStore(crashing(watched, crashAt, fault), (_call, run) => {
            count++
            return run()
          })
          const doomed = bed<Loose>({ store: counted, clock: lab.clock })
          const done = doomed.open(client).then(login)
          await done.catch(() => undefined)
          if (crashAt > count) calls = count
          const old = await lab.under(client)
          if (old?.state === 'live') expect(old.subject).toBeUndefined()
          // After the restart: what the list shows lives, and is reached by no token of before.
          const listed = await lab.another().sessions.forSubject('ann').list()
          const live = (await lab.live()).filter(({ subject }) => subject !== undefined)
          expect(listed.map(({ handle }) => handle)).toEqual(live.map(({ handle }) => handle))
          expect(listed).toHaveLength(old?.state === 'live' ? 0 : 1)
          await lab.visit(copyOf(client), (session) => expect(session.subject).toBeUndefined())
          await lab.sessions.revokeAll()
        }
      }
    })

    race('RACE-5 RACE-14: a crash at any store call of elevate and logout leaves no two sessions', async (lab) => {
      const verbs = [
        async (session: Session<Loose>) => session.elevate({ level: 2 }),
        async (session: Session<Loose>) => session.logout(),
        async (session: Session<Loose>) => session.logout({ keep: 'all' }),
        async (session: Session<Loose>) => session.rotate(),
      ]
      for (const verb of verbs) {
        for (const crashAt of [1, 2, 3, 4]) {
          for (const fault of ['reject', 'drop-reply'] as const) {
            const client = await lab.signedIn('ann')
            const doomed = bed<Loose>({ store: crashing(lab.raw, crashAt, fault), clock: lab.clock })
            await doomed
              .open(client)
              .then(async (session) => {
                session.data['n'] = 1
                await verb(session)
                await session.commit()
              })
              .catch(() => undefined)
            const live = await lab.live()
            expect(live.length).toBeLessThanOrEqual(1)
            const listed = await lab.sessions.forSubject('ann').list()
            expect(listed.map(({ handle }) => handle)).toEqual(
              live.filter(({ subject }) => subject !== undefined).map(({ handle }) => handle),
            )
            await lab.sessions.revokeAll()
          }
        }
      }
    })

    race('RACE-16 VULN-8: after a logout the old token never opens anything again', async (lab) => {
      const client = await lab.signedIn('ann')
      const thief = copyOf(client)
      const before = await lab.visit(copyOf(client), (session) => session.handle)
      await lab.visit(client, (session) => session.logout())
      await lab.visit(copyOf(thief), (session) => session.login('ann'))
      const back = copyOf(thief)
      await lab.visit(back, (session) => session.login('ann'))
      expect(tokenOf(back)).not.toBe(tokenOf(thief))
      expect(await lab.visit(back, (session) => [session.subject, session.handle !== before])).toEqual(['ann', true])
      for (const later of [0, 30 * SECOND, 31 * SECOND, 5 * MINUTE]) {
        lab.clock.advance(later)
        const session = await lab.open(thief)
        expect(session.isStarted).toBe(false)
        session.data['planted'] = true
        await finish(session)
        expect((await lab.under(thief))?.state).not.toBe('live')
      }
    })
  })

  describe('two rotations', () => {
    for (const grace of ['10s', '0s'] as const) {
      race(
        `RACE-6 RACE-9: of two overlapping rotations one makes the only successor (grace ${grace})`,
        async (lab) => {
          for (const isTurned of [false, true]) {
            const client = await lab.visitor({ seen: true })
            const old = tokenOf(client)
            const [a, b] = [await lab.open(client), await lab.open(client)]
            a.data['a'] = 1
            b.data['b'] = 1
            lab.paused.hold({ method: 'rotate' })
            const done = [rotated(a), rotated(b)]
            const calls = await lab.held(2)
            const [first, second] = isTurned ? calls.toReversed() : calls
            first?.release()
            await done[isTurned ? 1 : 0]
            second?.release()
            lab.paused.releaseAll()
            const outcomes = await Promise.all(done)
            expect(outcomes.filter(({ cookies }) => cookies.length > 0)).toHaveLength(1)
            const live = await lab.live()
            expect(live).toHaveLength(1)
            for (const jar of inEveryOrder(client, ...outcomes)) {
              expect((await lab.under(jar))?.state).toBe('live')
              const own = isTurned ? { b: 1 } : { a: 1 }
              expect(dataOf(await lab.under(jar))).toEqual({ seen: true, ...(grace === '0s' ? own : { a: 1, b: 1 }) })
            }
            expect((await lab.under(old))?.state).toBe(grace === '0s' ? 'dead' : 'moved')
            await lab.sessions.revokeAll()
          }
        },
        { rotation: { grace } },
      )
    }

    race(
      'RACE-6 RACE-9: a request that came with the old token during the grace does not rotate again',
      async (lab) => {
        const client = await lab.visitor({ seen: true })
        const late = copyOf(client)
        const a = await lab.open(client)
        await a.rotate()
        const b = await lab.open(late)
        b.data['b'] = 1
        expect(await b.rotate()).toBe('rotated')
        const outcomes = [await finish(a), await finish(b)]
        expect(outcomes.map(({ cookies }) => cookies.length)).toEqual([1, 0])
        for (const jar of inEveryOrder(client, ...outcomes)) {
          expect(dataOf(await lab.under(jar))).toEqual({ seen: true, b: 1 })
        }
        // Asked to be out of reach at once, it rotates all the same.
        const c = await lab.open(late)
        expect(await c.rotate({ grace: '0s' })).toBe('rotated')
        expect(tokenIn(await finish(c))).not.toBe(tokenIn(outcomes[0]!))
        expect(await lab.live()).toHaveLength(1)
        for (const old of [client, late])
          await lab.visit(copyOf(old), (session) => expect(session.isStarted).toBe(false))
      },
    )

    race('RACE-6 RACE-9: of two overlapping logins one makes the session, and the other is superseded', async (lab) => {
      for (const isTurned of [false, true]) {
        const client = await lab.visitor()
        const old = tokenOf(client)
        const [a, b] = [await lab.open(client), await lab.open(client)]
        lab.paused.hold({ method: 'rotate' })
        const logins = [a.login('ann'), b.login('ann')] as const
        const settledLogins = Promise.allSettled(logins)
        const calls = await lab.held(2)
        for (const call of isTurned ? calls.toReversed() : calls) {
          call.release()
          await Promise.race([Promise.any(logins), settledLogins])
        }
        lab.paused.releaseAll()
        const results = await settledLogins
        const [winner, loser] = isTurned ? [1, 0] : [0, 1]
        expect(results[winner]?.status).toBe('fulfilled')
        expect(results[loser]).toMatchObject({ status: 'rejected', reason: { code: 'superseded' } })
        const outcomes = [await finish(a), await finish(b)]
        expect(outcomes[loser]?.cookies).toEqual([])
        for (const jar of inEveryOrder(client, ...outcomes)) {
          expect(await lab.visit(jar, (session) => session.subject)).toBe('ann')
        }
        expect(await lab.live()).toHaveLength(1)
        expect(await lab.sessions.forSubject('ann').count()).toBe(1)
        expect((await lab.under(old))?.state).toBe('dead')
        await lab.sessions.revokeAll()
      }
    })

    race('RACE-6: a login that begins after the token was buried makes a session of its own', async (lab) => {
      const client = await lab.visitor()
      const [first, second] = [copyOf(client), copyOf(client)]
      await lab.visit(first, (session) => session.login('ann'))
      await lab.visit(second, async (session) => {
        expect(session.isStarted).toBe(false)
        await session.login('ann')
      })
      expect(tokenOf(second)).not.toBe(tokenOf(first))
      for (const jar of [first, second]) expect(await lab.visit(jar, (session) => session.subject)).toBe('ann')
      expect(await lab.live()).toHaveLength(2)
      expect((await lab.under(client))?.state).toBe('dead')
    })

    race('RACE-6 RACE-5: a rotation and a login at the same time leave one session, the signed-in one', async (lab) => {
      for (const isTurned of [false, true]) {
        const client = await lab.visitor()
        const [a, b] = [await lab.open(client), await lab.open(client)]
        lab.paused.hold({ method: 'rotate' })
        const rotating = a.rotate()
        const login = b.login('ann')
        const calls = await lab.held(2)
        for (const call of isTurned ? calls.toReversed() : calls) {
          call.release()
          await Promise.race([rotating, login])
        }
        lab.paused.releaseAll()
        expect(await rotating).toBe(isTurned ? 'gone' : 'rotated')
        await login
        const outcomes = [await finish(a), await finish(b)]
        expect(await lab.live()).toHaveLength(1)
        for (const jar of inEveryOrder(client, ...outcomes)) {
          expect(await lab.visit(jar, (session) => session.subject)).toBe('ann')
        }
        await lab.visit(copyOf(client), (session) => expect(session.subject).toBeUndefined())
        await lab.sessions.revokeAll()
      }
    })
  })

  describe('late responses', () => {
    const acts: Readonly<Record<string, (session: Session<Loose>) => unknown>> = {
      'only reads': (session) => session.get('seen'),
      writes: (session) => session.set('a', 1),
      'saves early': (session) =>
        session
          .set('a', 1)
          .save()
          .catch(() => undefined),
      rotates: (session) => session.rotate(),
      'counts in vain': (session) => session.increment('n').catch(() => undefined),
      'is slow until its use must be written down': () => undefined,
      destroys: (session) => session.destroy(),
      'logs out': (session) => session.logout(),
      'logs out and keeps data': (session) => session.logout({ keep: 'all' }),
    }
    for (const [name, act] of Object.entries(acts)) {
      race(`RACE-9 COOKIE-13 VULN-37: a request that ${name} after another logged in sends no cookie`, async (lab) => {
        const client = await lab.visitor()
        const a = await lab.open(client)
        const b = await lab.open(client)
        await b.login('ann')
        const login = await finish(b)
        if (name.startsWith('is slow')) lab.clock.advance(2 * MINUTE)
        await act(a)
        const late = await finish(a)
        expect(late.cookies).toEqual([])
        for (const jar of inEveryOrder(client, login, late)) {
          expect(tokenOf(jar)).toBe(tokenIn(login))
          expect(await lab.visit(jar, (session) => session.subject)).toBe('ann')
        }
      })
    }

    race(
      'RACE-9: a rotation that falls due at the end of a request whose token was replaced sends no cookie',
      async (lab) => {
        const client = await lab.visitor()
        lab.clock.advance(6 * MINUTE)
        const [a, b] = [await lab.open(client), await lab.open(client)]
        await b.login('ann')
        const [login, late] = [await finish(b), await finish(a)]
        expect(late.cookies).toEqual([])
        for (const jar of inEveryOrder(client, login, late)) expect(tokenOf(jar)).toBe(tokenIn(login))
      },
      { rotation: { every: '5m' } },
    )

    race(
      'RACE-9 COOKIE-13: a token that an older secret signed is not signed anew once it was replaced',
      async (lab) => {
        const [old, recent] = ['o'.repeat(32), 'n'.repeat(32)]
        const before = lab.another({ secrets: [old] })
        const after = lab.another({ secrets: [recent, old] })
        const client = newClient()
        await before.visit(client, (session) => void (session.data['seen'] = true))
        const [a, b] = [await after.open(client), await after.open(client)]
        await b.login('ann')
        const [login, late] = [await finish(b), await finish(a)]
        expect(late.cookies).toEqual([])
        for (const jar of inEveryOrder(client, login, late)) expect(tokenOf(jar)).toBe(tokenIn(login))
      },
    )

    race(
      'RACE-9 COOKIE-13: a rotated token that a login replaced before the response left is not sent',
      async (lab) => {
        const client = await lab.visitor()
        const a = await lab.open(client)
        await a.rotate()
        const b = await lab.open(client)
        await b.login('ann')
        const [login, late] = [await finish(b), await finish(a)]
        expect(late.cookies).toEqual([])
        for (const jar of inEveryOrder(client, login, late)) {
          expect(await lab.visit(jar, (session) => session.subject)).toBe('ann')
        }
      },
    )

    race('RACE-9 COOKIE-13: a token whose session was ended before the response left is not sent', async (lab) => {
      const client = await lab.visitor()
      const a = await lab.open(client)
      await a.login('ann')
      await lab.sessions.forSubject('ann').endAll()
      const second = clientWith(tokenOf(client) ?? '')
      const login = await lab.open(second)
      await login.login('ann')
      const [newer, late] = [await finish(login), await finish(a)]
      expect(late.cookies).toEqual([])
      for (const jar of inEveryOrder(client, newer, late)) {
        expect(await lab.visit(jar, (session) => session.subject)).toBe('ann')
      }
    })

    race(
      'RACE-9 RACE-2: a login that is refused leaves the request as it was, with its data and without a cookie too many',
      async (lab) => {
        const client = await lab.visitor()
        const late = copyOf(client)
        await lab.visit(client, (session) => session.login('ann'))
        // Its token was replaced before it began.
        const session = await lab.open(late)
        await expect(session.login('ann')).rejects.toMatchObject({ code: 'subject-limit' })
        session.data['late'] = true
        await session.logout()
        expect((await finish(session)).cookies).toEqual([])
        expect(await lab.live()).toHaveLength(1)

        const visitor = newClient()
        const fresh = await lab.open(visitor)
        fresh.data['cart'] = ['tea']
        await expect(fresh.login('ann')).rejects.toMatchObject({ code: 'subject-limit' })
        receive(visitor, await finish(fresh))
        expect(dataOf(await lab.under(visitor))).toEqual({ cart: ['tea'] })

        const empty = await lab.open(newClient())
        await expect(empty.login('ann')).rejects.toMatchObject({ code: 'subject-limit' })
        expect((await finish(empty)).cookies).toEqual([])
        expect(await lab.live()).toHaveLength(2)
      },
      { perSubject: { max: 1, onLimit: 'reject' } },
    )

    race('RACE-9: responses of a rotation and of saves arrive in any order, and the session goes on', async (lab) => {
      const client = await lab.visitor({ seen: true })
      const requests = [await lab.open(client), await lab.open(client), await lab.open(client)]
      const [a, b, c] = requests as [Session<Loose>, Session<Loose>, Session<Loose>]
      await b.rotate()
      a.data['a'] = 1
      c.data['c'] = 1
      const outcomes: Pick<Outcome, 'cookies'>[] = []
      for (const session of requests) outcomes.push(await finish(session))
      for (const jar of inEveryOrder(client, ...outcomes)) {
        expect(dataOf(await lab.under(jar))).toEqual({ seen: true, a: 1, c: 1 })
      }
    })
  })

  describe('a logout is final', () => {
    const others: Readonly<Record<string, (session: Session<Loose>) => Promise<unknown>>> = {
      'elevated meanwhile': (session) => session.elevate({ level: 2 }),
      'rotated meanwhile': (session) => session.rotate(),
      'rotated without grace meanwhile': (session) => session.rotate({ grace: '0s' }),
    }
    const ends: Readonly<Record<string, (session: Session<Loose>) => Promise<unknown>>> = {
      logout: (session) => session.logout(),
      'logout with data kept': (session) => session.logout({ keep: 'all' }),
      destroy: (session) => session.destroy(),
    }
    for (const [what, other] of Object.entries(others)) {
      for (const [name, end] of Object.entries(ends)) {
        race(`RACE-2 ASVS5-7.4.1: ${name} ends a session that was ${what}`, async (lab) => {
          // Within the grace, after it, and when no mark is left.
          for (const wait of [0, 11 * SECOND, 2 * MINUTE]) {
            const client = await lab.signedIn('ann')
            const [a, b] = [await lab.open(client), await lab.open(client)]
            await other(b)
            receive(client, await finish(b))
            lab.clock.advance(wait)
            await end(a)
            await finish(a)
            expect(await lab.sessions.forSubject('ann').count(), `after ${wait} ms`).toBe(0)
            expect(await lab.visit(client, (session) => session.subject)).toBeUndefined()
          }
        })
      }
    }
  })
}

async function rotated(session: Session<Loose>): Promise<Pick<Outcome, 'cookies'>> {
  await session.rotate()
  return finish(session)
}
