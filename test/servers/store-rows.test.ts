// What a visitor meets when the server of the store is away, slow or killed, through a front and over HTTP. The same for
// every networked store; what belongs to one of them is in its own files.
import { describe, expect, it } from 'vitest'
import { copyOf, newClient, tokenOf } from '../support/bed.ts'
import { recordsIn } from '../support/stores.ts'
import type { Answer, Front } from './support/front.ts'
import { startFront } from './support/front.ts'
import type { Client } from '../support/bed.ts'
import { freeze, networked } from './support/networked.ts'
import { upTo } from './support/sessions.ts'

const unavailable = { status: 503, cookies: [] }

async function signedIn(front: Front, user: string): Promise<Client> {
  const client = newClient()
  expect(await front.visit(client, (session) => session.login(user))).toMatchObject({ status: 200 })
  return client
}

async function whoIs(front: Front, client: Client): Promise<unknown> {
  return (await front.visit(client, (session) => session.subject)).body
}

function countBy(answers: readonly Answer[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

describe.each(networked)('on $name', ({ start, open, asksLater }) => {
  it('STORE-1 STORE-2 STORE-3: with the server killed every request is an error, cookies and sessions stay, and a second logout ends', async (context) => {
    const server = await start(context)
    const front = await startFront({ store: await open(server), storeTimeout: '1s' })
    const ann = await signedIn(front, 'ann')
    const [thief, token, stranger] = [copyOf(ann), tokenOf(ann), newClient()]
    const outcomes: string[] = []
    let isCalled = false

    // The session was loaded before the server went away.
    const logout = await front.visit(ann, async (session) => {
      await server.kill9()
      await session.logout().catch((error: unknown) => outcomes.push(String(Reflect.get(Object(error), 'code'))))
      return session.subject
    })
    expect(logout).toEqual({ status: 200, cookies: [], body: 'ann' })
    expect(outcomes).toEqual([expect.stringMatching(/^store-/)])
    expect(await front.visit(ann, (session) => session.logout())).toMatchObject(unavailable)
    expect(await front.visit(ann, () => (isCalled = true))).toMatchObject(unavailable)
    expect(await front.visit(stranger, (session) => session.set('a', 1))).toMatchObject(unavailable)
    expect(await front.visit(stranger, (session) => session.login('bob'))).toMatchObject(unavailable)
    expect([isCalled, tokenOf(ann), tokenOf(stranger)]).toEqual([false, token, undefined])
    expect((await front.visit(stranger, () => 'page')).body, 'who stores nothing needs no store').toBe('page')

    await server.restart()
    expect(asksLater ? ['ann', null] : ['ann']).toContain(await whoIs(front, thief))
    expect(await front.visit(ann, (session) => session.logout())).toMatchObject({ status: 200 })
    expect([tokenOf(ann), await whoIs(front, thief)]).toEqual([undefined, null])
  })

  it('STORE-2: a save whose server is killed after the page was made is an error page without a cookie', async (context) => {
    const server = await start(context)
    const front = await startFront({ store: await open(server), storeTimeout: '1s' })
    const ann = await signedIn(front, 'ann')
    for (const client of [ann, newClient()]) {
      const answer = await front.visit(client, async (session) => {
        session.set('a', 1)
        await server.kill9()
        return 'saved'
      })
      expect(answer).toEqual({ ...unavailable, body: undefined })
      await server.restart()
      const { body } = await front.visit(client, (session) => session.get('a') ?? 'nothing')
      expect(asksLater && client === ann ? ['nothing', 1] : ['nothing']).toContain(body)
    }
  })

  it('STORE-4: of a server that stands still each request waits the deadline at most, and then one at a time waits', async (context) => {
    context.skip(process.platform !== 'linux', 'only Linux tells which processes a server consists of')
    const server = await start(context)
    const front = await startFront({ store: await open(server), storeTimeout: '300ms' })
    const people = await Promise.all(upTo(16).map((i) => signedIn(front, `user${i}`)))
    const ann = await signedIn(front, 'ann')
    const events: string[] = []
    for (const name of ['outage', 'recovered'] as const) front.sessions.on(name, () => void events.push(name))
    const crowd = (count: number): Promise<readonly Answer[]> =>
      Promise.all(upTo(count).map((i) => front.visit(people[i % 16]!, (session) => session.subject)))
    expect(countBy(await crowd(8))).toEqual({ 200: 8 })

    const thaw = freeze(server)
    const began = performance.now()
    expect(countBy(await crowd(16))).toEqual({ 503: 16 })
    const waited = performance.now() - began
    // Far from what sixteen deadlines are, and from how long the server stands still.
    expect(waited).toBeGreaterThanOrEqual(295)
    expect(waited).toBeLessThan(2_000)
    expect(front.errors.splice(0).filter((error) => error.startsWith('store-timeout'))).toHaveLength(16)
    expect(events).toEqual(['outage'])

    expect(countBy(await crowd(100))).toEqual({ 503: 100 })
    const atOnce = front.errors.splice(0).filter((error) => error.includes('was not tried'))
    expect(atOnce.length).toBeGreaterThanOrEqual(95)
    expect(tokenOf(ann)).toBeDefined()

    thaw()
    await expect.poll(() => whoIs(front, ann), { interval: 1, timeout: 10_000 }).toBe('ann')
    expect(events).toEqual(['outage', 'recovered'])
    expect(countBy(await crowd(16))).toEqual({ 200: 16 })
  })

  it('STORE-5: after a hundred failures the very next operation is served, whatever it is, without a restart', async (context) => {
    const server = await start(context)
    const front = await startFront({ store: await open(server), storeTimeout: '2s' })
    const next = [
      (client: Client) => front.visit(client, (session) => session.set('a', 1)),
      (client: Client) => front.visit(client, (session) => session.login('eve')),
      (client: Client) => front.visit(client, (session) => session.logout()),
      (client: Client) => front.visit(client, (session) => session.subject),
    ]
    for (const operation of next) {
      const ann = await signedIn(front, 'ann')
      await server.kill9()
      const failed = upTo(100).map(() => front.visit(copyOf(ann), (session) => session.subject))
      expect(countBy(await Promise.all(failed))).toEqual({ 503: 100 })
      await server.restart()
      expect(await operation(ann)).toMatchObject({ status: 200 })
    }
  })

  it('STORE-8: a server that is killed has lost no login and no logout that was answered', async (context) => {
    const server = await start(context)
    const store = await open(server)
    const front = await startFront({ store, storeTimeout: '2s' })
    let [lost, revived, logins, logouts] = [0, 0, 0, 0]
    for (const round of upTo(3)) {
      const inside = new Map<string, Client>()
      const outside: Client[] = []
      let answered = 0
      const worker = async (n: number): Promise<void> => {
        for (let turn = 0; ; turn++) {
          const user = `user-${round}-${n}-${turn}`
          const client = newClient()
          if ((await front.visit(client, (session) => session.login(user))).status !== 200) return
          if (++answered === 80) await server.kill9()
          inside.set(user, client)
          if (turn % 2 === 0) continue
          const token = copyOf(client)
          // What is not answered may have been done, or not.
          inside.delete(user)
          if ((await front.visit(client, (session) => session.logout())).status !== 200) return
          outside.push(token)
        }
      }
      await Promise.all(upTo(8).map(worker))
      await server.restart()
      for (const [user, client] of inside) if ((await whoIs(front, client)) !== user) lost++
      for (const client of outside) if ((await whoIs(front, client)) !== null) revived++
      logins += inside.size
      logouts += outside.length
    }
    expect({ lost, revived }).toEqual({ lost: 0, revived: 0 })
    expect(Math.min(logins, logouts)).toBeGreaterThan(50)
  })

  it('STORE-13: with no sweep ever an expired session lies there, and is not loaded, saved, listed or counted', async (context) => {
    const server = await start(context)
    let time = Date.now()
    const now = (): number => time
    const front = await startFront({
      store: await open(server, { now }),
      now,
      timeouts: { idle: '10m', touchEvery: '0s' },
    })
    const ann = await signedIn(front, 'ann')
    const [before] = await recordsIn(await open(server, { now }))
    expect(before?.[1].subject).toBe('id:ann')
    time += 600_000
    expect((await front.visit(ann, (session) => [session.subject ?? null, session.isStarted])).body).toEqual([
      null,
      false,
    ])
    expect(await front.sessions.forSubject('ann').list()).toEqual([])
    expect(await front.sessions.forSubject('ann').count()).toBe(0)
    // Nothing has taken it away: the clock of another process, which is behind, still finds it.
    expect(await recordsIn(await open(server, { now: () => time - 1 }))).toEqual([before])
  })
})
