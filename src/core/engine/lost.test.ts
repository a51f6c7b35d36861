import { describe, expect, it } from 'vitest'
import type { Session } from '../session.ts'
import type { Bed, Client, Loose } from '../../../test/support/bed.ts'
import { MINUTE, bed, copyOf, newClient, tokenOf } from '../../../test/support/bed.ts'

type Act = (session: Session<Loose>) => unknown

/** What replaces or ends the session of a request that is under way. */
const ends: Readonly<Record<string, Act>> = {
  'a login': (session) => session.login('ann'),
  'a login that keeps the data': (session) => session.login('ann', { keep: 'all' }),
  'a rotation without grace': (session) => session.rotate({ grace: '0s' }),
  'a logout': (session) => session.logout(),
  'an ending': (session) => session.destroy(),
}

const changes: Readonly<Record<string, Act>> = {
  'sets a value': (session) => session.set('late', true),
  'deletes a value': (session) => session.delete('theme'),
  'empties the session': (session) => session.clear(),
  'changes an object': (session) => (session.data['cart'] as string[]).push('late'),
  'leaves a message': (session) => session.flash('info', 'late'),
  'asks for another idle limit': (session) => session.start({ idle: '5m' }),
}

const reads: Readonly<Record<string, Act>> = {
  'reads the data': (session) => session.get('cart'),
  'asks who the user is': (session) => [session.subject, session.isStarted, session.handle],
  'takes messages': (session) => session.flashes(),
  'shows a form': (session) => [session.start(), session.derive('csrf')],
  'logs out': (session) => session.logout(),
  'saves nothing': (session) => session.save(),
}

interface Scene extends Bed<Loose> {
  readonly client: Client
}

async function scene(): Promise<Scene> {
  const world = bed<Loose>({ initial: () => ({ cart: [], theme: 'light' }) })
  const client = newClient()
  await world.visit(client, (session) => (session.data['cart'] as string[]).push('tea'))
  return { ...world, client }
}

for (const [what, end] of Object.entries(ends)) {
  describe(`where another request does this: ${what}`, () => {
    for (const [name, change] of Object.entries(changes)) {
      it(`a request under way that ${name} fails and sends no cookie (F2)`, async () => {
        const { client, open, visit, commit } = await scene()
        const own = await open(client)
        change(own)
        await visit(copyOf(client), end)
        await expect(commit(client, own)).rejects.toMatchObject({ code: 'gone' })
        // The page that tells of the error is a response too.
        expect((await commit(client, own))?.cookies).toEqual([])
      })

      it(`a request that ${name} and comes with the old token fails and sends no cookie (F2)`, async () => {
        const { client, open, visit, commit } = await scene()
        const old = tokenOf(client)
        await visit(copyOf(client), end)
        const late = await open(client)
        await change(late)
        await expect(commit(client, late)).rejects.toMatchObject({ code: 'superseded' })
        expect((await commit(client, late))?.cookies).toEqual([])
        expect(tokenOf(client)).toBe(old)
      })
    }

    for (const [name, read] of Object.entries(reads)) {
      it(`a request that ${name} is served, under way or with the old token (F2)`, async () => {
        const { client, open, visit, commit } = await scene()
        const own = await open(client)
        await visit(copyOf(client), end)
        const late = await open(client)
        for (const session of [own, late]) {
          await read(session)
          await commit(copyOf(client), session)
        }
      })
    }

    it('save tells of changes that are lost, once, and of those that follow (F2 F5)', async () => {
      const { client, open, visit, commit } = await scene()
      const own = await open(client)
      own.set('late', true)
      await visit(copyOf(client), end)
      const late = await open(client)
      late.set('late', true)
      await expect(own.save()).rejects.toMatchObject({ code: 'gone' })
      await expect(late.save()).rejects.toMatchObject({ code: 'superseded' })
      for (const session of [own, late]) {
        expect(await session.save()).toBe('unchanged')
        expect((await commit(copyOf(client), session))?.cookies).toEqual([])
        session.set('later still', true)
        await expect(session.increment('n')).rejects.toMatchObject({ code: 'superseded' })
        await expect(commit(copyOf(client), session)).rejects.toMatchObject({ code: 'superseded' })
      }
    })

    it('the commit tells of changes that a rotation or an increment could not store either (F2)', async () => {
      for (const attempt of [
        async (session: Session<Loose>) => expect(await session.rotate()).toBe('gone'),
        (session: Session<Loose>) => expect(session.increment('n')).rejects.toMatchObject({ code: 'gone' }),
      ]) {
        const { client, open, visit, commit } = await scene()
        const own = await open(client)
        own.set('late', true)
        await visit(copyOf(client), end)
        await attempt(own)
        await expect(commit(client, own)).rejects.toMatchObject({ code: 'gone' })
      }
    })

    it('what a request writes after its own destroy is dropped, as it asked, also with the old token', async () => {
      const { client, open, visit, commit } = await scene()
      const own = await open(client)
      await visit(copyOf(client), end)
      const late = await open(client)
      for (const session of [own, late]) {
        session.set('before', true)
        await session.destroy()
        session.set('after', true)
        expect((await commit(copyOf(client), session))?.cookies).toEqual([])
      }
    })
  })
}

describe('where the session is gone without a mark', () => {
  it('changes fail, also after start, and a login that was to keep them says so (F2)', async () => {
    for (const go of ['commit', 'start', 'login'] as const) {
      const { client, open, commit, sessions } = await scene()
      const own = await open(client)
      own.set('late', true)
      await sessions.revokeAll()
      if (go === 'start') {
        await own.rotate()
        own.start()
      }
      const done = go === 'login' ? own.login('ann', { keep: ['late'] }) : commit(client, own)
      await expect(done).rejects.toMatchObject({ code: 'gone' })
    }
  })

  it('a login that keeps nothing begins a session, and its response is good', async () => {
    const { client, open, commit, sessions, visit } = await scene()
    const own = await open(client)
    own.set('late', true)
    await sessions.revokeAll()
    await own.login('ann')
    await commit(client, own)
    expect(await visit(client, (session) => [session.subject, session.has('late')])).toEqual(['ann', false])
  })

  it('a login with the old token keeps what its own request has put in', async () => {
    const { client, open, commit, visit } = await scene()
    await visit(copyOf(client), (session) => session.login('ann'))
    const late = await open(client)
    late.set('late', true)
    await late.login('ann', { keep: ['late'] })
    await commit(client, late)
    expect(await visit(client, (session) => [session.subject, session.get('late')])).toEqual(['ann', true])
  })

  it('an automatic rotation that finds the session ended by idling fails the changes it was to carry (F5)', async () => {
    const { open, signedIn, commit, clock } = bed<Loose>({ rotation: { every: '10m' } })
    const client = await signedIn('ann')
    const own = await open(client)
    own.set('file', 'uploaded')
    clock.advance(17 * MINUTE)
    await expect(commit(client, own)).rejects.toMatchObject({ code: 'gone' })
  })

  it('what is changed after a destroy and a new login is no longer dropped in silence (F2)', async () => {
    const { open, visit, commit, sessions } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('n', 1))
    const own = await open(client)
    await own.destroy()
    await own.login('ann')
    await sessions.forSubject('ann').endAll()
    own.set('late', true)
    await expect(commit(client, own)).rejects.toMatchObject({ code: 'gone' })
  })

  it('of two updates at once neither passes in an empty session that others have ended (F2)', async () => {
    const { open, visit, sessions } = bed()
    const client = newClient()
    await visit(client, (session) => session.login('ann'))
    const own = await open(client)
    const both = [own.update((data) => void (data['a'] = 1)), own.update(async (data) => void (data['b'] = 1))]
    await sessions.forSubject('ann').endAll()
    expect(await Promise.allSettled(both)).toMatchObject([
      { status: 'rejected', reason: { code: 'gone' } },
      { status: 'rejected', reason: { code: 'gone' } },
    ])
  })

  it('data that cannot be stored anyway are told by their own error', async () => {
    const { client, open, visit, commit } = await scene()
    await visit(copyOf(client), (session) => session.login('ann'))
    const late = await open(client)
    late.set('late', () => undefined)
    await expect(commit(client, late)).rejects.toMatchObject({ code: 'not-encodable' })
  })
})
