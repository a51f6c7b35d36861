import { describe, expect } from 'vitest'
import { countingStore } from '../../../src/testing/index.ts'
import { HOUR, MINUTE, bed, newClient, receive, settled, tokenOf } from '../../support/bed.ts'
import type { Race } from '../lab.ts'
import { dataOf, finish, inEveryOrder } from '../lab.ts'

/** Saves and touches beside each other and beside ends. */
export function saveRaces(race: Race): void {
  describe('a save beside another save', () => {
    race('RACE-1: of two overlapping saves neither erases what the other wrote', async (lab) => {
      const client = await lab.visitor({ list: ['first'], page: { seen: 1 } })
      const [a, b] = [await lab.open(client), await lab.open(client)]
      a.data['a'] = 1
      a.data['list'] = ['first', 'from a']
      Object.assign(a.data['page'] as object, { a: true })
      b.data['b'] = 1
      b.data['list'] = ['first', 'from b']
      Object.assign(b.data['page'] as object, { b: true })
      lab.paused.hold({ method: 'update' })
      const saves = [finish(a), finish(b)]
      for (const call of await lab.held(2)) call.release()
      lab.paused.releaseAll()
      await Promise.all(saves)
      expect(dataOf(await lab.under(client))).toEqual({
        a: 1,
        b: 1,
        list: ['first', 'from a', 'from b'],
        page: { seen: 1, a: true, b: true },
      })
    })

    race('RACE-1: both orders of the two writes keep both, also when a reply is late', async (lab) => {
      for (const order of ['as they came', 'turned round']) {
        const client = await lab.visitor({ order })
        const [a, b] = [await lab.open(client), await lab.open(client)]
        a.data['a'] = 1
        b.data['b'] = 1
        lab.paused.hold({ method: 'update' })
        lab.paused.hold({ method: 'update', stage: 'after' })
        const saves = [finish(a), finish(b)]
        const calls = await lab.held(2, { stage: 'before' })
        for (const [i, call] of (order === 'as they came' ? calls : calls.toReversed()).entries()) {
          call.release()
          await lab.held(i + 1, { stage: 'after' })
        }
        // Who was applied second hears first that it came too late, and is to write again before the first hears anything.
        for (const call of lab.paused.held({ stage: 'after' }).toReversed()) {
          call.release()
          await settled()
        }
        lab.paused.releaseAll()
        await Promise.all(saves)
        expect(dataOf(await lab.under(client)), order).toEqual({ order, a: 1, b: 1 })
      }
    })

    race('RACE-1: where both wrote one value the later save wins, and an event names the path', async (lab) => {
      const client = await lab.visitor({ theme: 'light', other: { kept: true } })
      const events = lab.record('conflict')
      const [a, b] = [await lab.open(client), await lab.open(client)]
      a.data['theme'] = 'dark'
      b.data['theme'] = 'blue'
      await finish(a)
      expect(events).toEqual([])
      await finish(b)
      expect(dataOf(await lab.under(client))).toEqual({ theme: 'blue', other: { kept: true } })
      expect(events.map(({ event }) => event['paths'])).toEqual([['theme']])
    })

    race('RACE-1: overlapping increments are exact, without an event that says something was lost', async (lab) => {
      const client = await lab.visitor({ n: 5 })
      const events = lab.record('conflict')
      const [a, b] = [await lab.open(client), await lab.open(client)]
      lab.paused.hold({ method: 'update' })
      const counts = [a.increment('n'), b.increment('n', 10)]
      for (const call of await lab.held(2)) call.release()
      lab.paused.releaseAll()
      expect(await Promise.all(counts)).toEqual([6, 16])
      expect(dataOf(await lab.under(client))).toEqual({ n: 16 })
      expect(events.flatMap(({ event }) => event['paths'])).toEqual([])
    })
  })

  describe('a save or touch after the end', () => {
    race('RACE-2 VULN-5 RACE-9: a save after another request ended the session brings nothing back', async (lab) => {
      const client = await lab.visitor()
      const events = lab.record('gone')
      const [a, b] = [await lab.open(client), await lab.open(client)]
      a.data['late'] = true
      await b.destroy()
      const ending = await finish(b)
      const saving = await finish(a)
      expect(await lab.live()).toEqual([])
      expect(saving.cookies).toEqual([])
      expect(events).toHaveLength(1)
      for (const jar of inEveryOrder(client, ending, saving)) expect(tokenOf(jar)).toBeUndefined()
      lab.clock.advance(2 * MINUTE)
      expect(await lab.under(client)).toBeUndefined()
    })

    race('RACE-2: a save that was on its way when the session ended brings nothing back', async (lab) => {
      const client = await lab.visitor()
      const events = lab.record('gone')
      const [a, b] = [await lab.open(client), await lab.open(client)]
      a.data['late'] = true
      lab.paused.hold({ method: 'update' })
      const saving = finish(a)
      const [update] = await lab.held(1)
      await b.destroy()
      await finish(b)
      update?.release()
      expect((await saving).cookies).toEqual([])
      expect(await lab.live()).toEqual([])
      expect(events).toHaveLength(1)
    })

    race('RACE-2: neither does a save after the session was ended from outside', async (lab) => {
      const ways = [
        (handle: string) => lab.sessions.forSubject('ann').end(handle),
        () => lab.sessions.forSubject('ann').endAll(),
        () => lab.sessions.revokeAll(),
      ]
      for (const end of ways) {
        const client = await lab.signedIn('ann')
        const events = lab.record('gone')
        const [a, b] = [await lab.open(client), await lab.open(client)]
        a.data['late'] = true
        lab.paused.hold({ method: 'update' })
        const saving = finish(a)
        const [update] = await lab.held(1)
        await end(a.handle ?? '')
        update?.release()
        lab.paused.releaseAll()
        expect((await saving).cookies).toEqual([])
        await expect(b.increment('n')).rejects.toMatchObject({ code: 'gone' })
        expect((await finish(b)).cookies).toEqual([])
        expect(await lab.live()).toEqual([])
        expect(events).toHaveLength(2)
      }
    })

    race('RACE-3 RACE-9: a touch after the end brings nothing back and sends no cookie', async (lab) => {
      const client = await lab.visitor()
      const events = lab.record('gone')
      lab.clock.advance(2 * MINUTE)
      const [a, b] = [await lab.open(client), await lab.open(client)]
      lab.paused.hold({ method: 'touch' })
      const touching = finish(a)
      const [touch] = await lab.held(1)
      expect(touch?.method).toBe('touch')
      await b.destroy()
      const ending = await finish(b)
      touch?.release()
      const touched = await touching
      expect(touched.cookies).toEqual([])
      expect(await lab.live()).toEqual([])
      expect(events).toHaveLength(1)
      for (const jar of inEveryOrder(client, ending, touched)) expect(tokenOf(jar)).toBeUndefined()
    })

    race('RACE-11: what expires during the request is not saved, and the response says so (F5)', async (lab) => {
      const client = await lab.signedIn('ann')
      const events = lab.record('gone')
      for (let minute = 0; minute < 12 * 60 - 5; minute += 5) {
        lab.clock.advance(5 * MINUTE)
        await lab.visit(client, (session) => expect(session.subject).toBe('ann'))
      }
      const session = await lab.open(client)
      const end = session.expiresAt ?? 0
      session.data['late'] = true
      lab.clock.advance(5 * MINUTE)
      expect(lab.clock.now()).toBeGreaterThanOrEqual(end)
      expect(await finish(session)).toEqual({ cookies: [], refused: 'gone' })
      expect(events).toHaveLength(1)
      expect(await lab.live()).toEqual([])
      expect(await lab.under(client)).toBeUndefined()
    })

    race('RACE-11: neither saves nor touches move the end past the absolute limit', async (lab) => {
      const client = await lab.signedIn('ann')
      const createdAt = (await lab.live())[0]?.createdAt ?? 0
      for (let minute = 0; minute < 12 * 60 - 10; minute += 10) {
        lab.clock.advance(10 * MINUTE)
        await lab.visit(client, (session) => {
          if (minute % 20 === 0) session.data['minute'] = minute
        })
        for (const { expiresAt } of await lab.live()) expect(expiresAt).toBeLessThanOrEqual(createdAt + 12 * HOUR)
      }
      expect(await lab.live()).toHaveLength(1)
      lab.clock.advance(10 * MINUTE)
      expect(await lab.live()).toEqual([])
    })
  })

  describe('exactly once', () => {
    race('RACE-15: of 100 parallel takes exactly one gets the value', async (lab) => {
      const client = await lab.visitor({ state: 'only once' })
      const requests = await Promise.all(Array.from({ length: 100 }, () => lab.open(client)))
      const taken = await Promise.all(requests.map((session) => session.take('state')))
      expect(taken.filter((value) => value !== undefined)).toEqual(['only once'])
      expect(dataOf(await lab.under(client))).toEqual({})
    })

    race('RACE-15: two takes that are both on their way: one gets the value', async (lab) => {
      const client = await lab.visitor({ state: 'only once', n: 1 })
      const [a, b] = [await lab.open(client), await lab.open(client)]
      lab.paused.hold({ method: 'update' })
      const takes = [a.take('state'), b.take('state')]
      for (const call of (await lab.held(2)).toReversed()) call.release()
      lab.paused.releaseAll()
      expect(await Promise.all(takes)).toEqual([undefined, 'only once'])
      expect(dataOf(await lab.under(client))).toEqual({ n: 1 })
    })

    race('RACE-15: a flash message is given out once, and one that is added meanwhile is kept', async (lab) => {
      const client = await lab.visitor()
      await lab.visit(client, (session) => session.flash('info', 'first'))
      const [a, b] = [await lab.open(client), await lab.open(client)]
      a.flash('info', 'second')
      expect((await b.flashes()).map(({ message }) => message)).toEqual(['first'])
      await finish(a)
      await lab.visit(client, async (session) => {
        expect((await session.flashes()).map(({ message }) => message)).toEqual(['second'])
      })
    })

    race('RACE-15: a flash message whose save was never answered is not doubled by the next save', async (lab) => {
      const client = await lab.visitor()
      const session = await lab.open(client)
      session.flash('info', 'saved')
      lab.paused.hold({ method: 'update', stage: 'after' })
      const saving = session.save()
      const [update] = await lab.held(1)
      update?.fail(new Error('connection lost'))
      await expect(saving).rejects.toMatchObject({ code: 'store-unavailable' })
      lab.paused.releaseAll()
      session.data['n'] = 1
      await finish(session)
      await lab.visit(client, async (next) =>
        expect(await next.flashes()).toEqual([{ kind: 'info', message: 'saved' }]),
      )
    })
  })

  describe('two commits', () => {
    race('RACE-17: a save and then the end of the request write once', async (lab) => {
      const counting = countingStore(lab.raw)
      const { open, visit } = bed({ store: counting.store, clock: lab.clock })
      const client = await lab.visitor()
      await visit(client, (session) => session.data)
      for (const isAwaited of [true, false]) {
        const session = await open(client)
        session.data['n'] = isAwaited
        counting.reset()
        const saved = session.save()
        if (isAwaited) await saved
        await finish(session)
        expect(await saved).toBe('saved')
        expect(counting.calls.map(({ method }) => method)).toEqual(['update'])
      }
    })

    race('RACE-17: a second commit without a change writes nothing and says the same', async (lab) => {
      const counting = countingStore(lab.raw)
      const { open } = bed({ store: counting.store, clock: lab.clock })
      const session = await open({ jar: new Map() })
      session.data['n'] = 1
      const [first, second] = [await finish(session), await finish(session)]
      expect(second).toEqual(first)
      expect(counting.calls.filter(({ method }) => method !== 'get').map(({ method }) => method)).toEqual(['insert'])
      session.data['n'] = 2
      await finish(session)
      expect((await lab.live()).map(({ data }) => data)).toEqual(['{"n":2}'])
    })

    race('RACE-17: two commits at the same time make one record and one write', async (lab) => {
      const counting = countingStore(lab.raw)
      const { open } = bed({ store: counting.store, clock: lab.clock })
      const session = await open({ jar: new Map() })
      session.data['n'] = 1
      const [first, second] = await Promise.all([finish(session), finish(session)])
      expect(second).toEqual(first)
      expect(await lab.live()).toHaveLength(1)
      expect(counting.count('insert')).toBe(1)
    })
  })

  describe('the first write of a session', () => {
    race('RACE-17: an atomic change that begins a session writes once', async (lab) => {
      const counting = countingStore(lab.raw)
      const { open } = bed({ store: counting.store, clock: lab.clock })
      const session = await open(newClient())
      expect(await session.increment('n')).toBe(1)
      expect(counting.calls.map(({ method }) => method)).toEqual(['insert'])
    })

    race('RACE-16 RACE-2: what is tried after an insertion without an answer is another session', async (lab) => {
      for (const stage of ['before', 'after'] as const) {
        const session = await lab.open(newClient())
        session.data['n'] = 1
        for (const method of ['insert', 'get'] as const) lab.paused.hold({ method, stage })
        const saving = session.save()
        // The insertion, and the look whether it was done.
        for (const method of ['insert', 'get'] as const) {
          const [call] = await lab.held(1, { method })
          call?.fail(new Error('connection lost'))
        }
        await expect(saving).rejects.toMatchObject({ code: 'store-unavailable' })
        lab.paused.releaseAll()
        // The lost record ends before the second attempt, and must not live again by it.
        const lost = await lab.live()
        await lab.sessions.revokeAll()
        const client = newClient()
        receive(client, await finish(session))
        expect(dataOf(await lab.under(client))).toEqual({ n: 1 })
        expect(lost).toHaveLength(stage === 'after' ? 1 : 0)
        for (const { handle } of lost) expect((await lab.live()).map((record) => record.handle)).not.toContain(handle)
        await lab.sessions.revokeAll()
      }
    })
  })
}
