import { describe, expect, it } from 'vitest'
import type { Bed, Client, Loose } from '../../test/support/bed.ts'
import { DAY, HOUR, MINUTE, bed, clientWith, newClient, tokenOf } from '../../test/support/bed.ts'
import type { Session } from './session.ts'
import type { LoginOptions } from './verbs.ts'

/** The cookie line that a request gets, without its value. */
async function lineAfter(
  { open }: Bed<Loose>,
  client: Client,
  act: (session: Session<Loose>) => unknown,
): Promise<string | undefined> {
  const session = await open(client)
  await act(session)
  const line = (await session.commit())?.cookies[0]
  const value = line?.split(/[=;]/, 2)[1]
  if (value !== undefined) client.jar.set('__Host-id', value)
  return line?.replace(/=[^;]*/, '')
}

const secondsOf = (line: string | undefined): number | undefined => {
  const found = /Max-Age=(\d+)/.exec(line ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

describe('staying signed in', () => {
  it('is a choice of each sign-in, beside others that chose otherwise (F12)', async () => {
    for (const byDefault of [undefined, false, true]) {
      const site = bed(byDefault === undefined ? {} : { cookie: { persistent: byDefault } })
      const ages = []
      for (const persistent of [undefined, false, true, '30d'] as const) {
        const options: LoginOptions<Loose> = persistent === undefined ? {} : { persistent }
        ages.push(secondsOf(await lineAfter(site, newClient(), (session) => session.login('ann', options))))
      }
      const left = byDefault === true ? (12 * HOUR) / 1000 : undefined
      expect(ages, String(byDefault)).toEqual([left, undefined, (12 * HOUR) / 1000, (30 * DAY) / 1000])
    }
  })

  it('for thirty days means thirty days, used or not, while others end by the policy (F12)', async () => {
    const { visit, clock, signedIn } = bed()
    const [kept, other] = [newClient(), await signedIn('ben')]
    await visit(kept, (session) => session.login('ann', { persistent: '30d' }))
    clock.advance(29 * DAY)
    expect(await visit(kept, (session) => [session.subject, session.authentication?.factors])).toEqual(['ann', []])
    expect(await visit(other, (session) => session.subject)).toBeUndefined()
    clock.advance(DAY - 1)
    expect(await visit(kept, (session) => session.subject)).toBe('ann')
    clock.advance(1)
    expect(await visit(kept, (session) => session.subject)).toBeUndefined()
  })

  it('holds through rotation, elevation, saves and a cookie that is signed anew, and ends with the next sign-in', async () => {
    const secret = 's'.repeat(32)
    const site = bed({ secrets: [secret] })
    const { clock, store } = site
    const client = newClient()
    const age = async (act: (session: Session<Loose>) => unknown, at = site): Promise<number | undefined> =>
      secondsOf(await lineAfter(at, client, act))
    const days = (count: number): number => (count * DAY) / 1000
    expect(await age((session) => session.login('ann', { persistent: '30d' }))).toBe(days(30))
    clock.advance(DAY)
    expect(await age((session) => session.rotate())).toBe(days(29))
    clock.advance(DAY)
    expect(await age((session) => session.set('a', 1))).toBeUndefined()
    const renewing = bed({ store, clock, secrets: ['n'.repeat(32), secret] })
    expect(await age((session) => session.subject, renewing)).toBe(days(28))
    // Both clocks begin anew.
    expect(await age((session) => session.elevate({ factors: ['totp'] }), renewing)).toBe(days(30))
    clock.advance(29 * DAY)
    const others = async (session: Session<Loose>): Promise<number> =>
      renewing.sessions.forSubject('ann').endAll({ except: session })
    expect(await age(others, renewing)).toBe(days(1))
    expect(await age((session) => session.login('ann'), renewing)).toBeUndefined()
    clock.advance(20 * MINUTE)
    expect(await renewing.visit(client, (session) => session.subject)).toBeUndefined()
  })

  it('takes the place of an idle limit of the anonymous session, also when that was just given, and can be shortened', async () => {
    const { visit, clock } = bed()
    const client = newClient()
    await visit(client, async (session) => {
      session.start({ idle: '5m' })
      await session.save()
      await session.login('ann', { persistent: '30d' })
    })
    clock.advance(DAY)
    await visit(client, (session) => {
      expect(session.subject).toBe('ann')
      session.start({ idle: '20d' })
    })
    clock.advance(19 * DAY)
    expect(await visit(client, (session) => session.subject)).toBe('ann')
    clock.advance(21 * DAY)
    expect(await visit(client, (session) => session.subject)).toBeUndefined()
  })

  it('of a sign-in that fails changes nothing about the session there was', async () => {
    const { open, visit, clock, signedIn, commit } = bed({ perSubject: { max: 1, onLimit: 'reject' } })
    await signedIn('ann')
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    await expect(session.login('ann', { persistent: '30d' })).rejects.toMatchObject({ code: 'subject-limit' })
    session.set('a', 2)
    await commit(client, session)
    clock.advance(17 * MINUTE)
    expect(await visit(client, (later) => later.isNew)).toBe(true)
  })

  it('goes on in a session that began where no session was, and in one whose token was dead', async () => {
    const { visit, clock, signedIn } = bed()
    const first = await signedIn('ann')
    const stale = clientWith(tokenOf(first) ?? '')
    await visit(first, (session) => session.login('ann'))
    await visit(stale, (session) => session.login('ann', { persistent: '30d' }))
    clock.advance(29 * DAY)
    expect(await visit(stale, (session) => session.subject)).toBe('ann')
  })
})

describe('what a sign-in says of itself', () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ persistent: 30 }, /^login: persistent: expected true, false or a duration/],
    [{ persistent: '401d' }, /^login: persistent: expected at most '400d'/],
    [{ persistent: '30 days' }, /^login: persistent: expected a duration/],
    [{ persistent: '30d', absolute: '1d' }, /^login: absolute: leave it out/],
    [{ absolute: '401d' }, /^login: absolute: expected at most '400d'/],
    [{ idpSession: 'x'.repeat(256) }, /^login: idpSession: expected a string of 1 to 255/],
    [{ idpSession: 7 }, /^login: idpSession: /],
    [{ label: 7 }, /^login: label: expected a string/],
    [{ keep: 'cart' }, /^login: keep: expected a list or 'all'/],
    [{ factors: 'password' }, /^login: factors: expected a list of at most 16/],
    [{ factors: ['x'.repeat(256)] }, /^login: factors: /],
    [{ factors: Array.from({ length: 17 }, String) }, /^login: factors: /],
    [{ level: Infinity }, /^login: level: expected an integer/],
    [{ level: 1001 }, /^login: level: /],
  ]
  it('is refused with its name before anything happens, where it is wrong or without bounds (S11)', async () => {
    const { open, signedIn } = bed()
    for (const [options, message] of wrong) {
      const session = await open(newClient())
      await expect(session.login('ann', options), String(message)).rejects.toThrow(message)
      expect([session.subject, session.activity.writes]).toEqual([undefined, 0])
    }
    const session = await open(await signedIn('ann'))
    await expect(session.elevate({ level: -1 })).rejects.toThrow(/^elevate: level: /)
    await expect(session.elevate({ factors: [''] })).rejects.toThrow(/^elevate: factors: /)
  })

  it('a label is cut, so that a browser may not make each request dear by a long name of its own (S11 DOS-6)', async () => {
    const { visit, sessions } = bed()
    await visit(newClient(), (session) => session.login('ann', { label: `${'x'.repeat(254)}😀${'y'.repeat(16_000)}` }))
    const [summary] = await sessions.forSubject('ann').list()
    expect(summary?.authentication?.label).toBe('x'.repeat(254))
  })

  it('of the factors of a session the last sixteen are kept, however often it is elevated (S11)', async () => {
    const { visit, clock, signedIn } = bed()
    const client = await signedIn('ann')
    for (let i = 0; i < 20; i++) {
      clock.advance(1)
      await visit(client, (session) => session.elevate({ factors: [`f${i}`] }))
    }
    const factors = await visit(client, (session) => session.authentication?.factors)
    expect(factors).toHaveLength(16)
    expect(factors).toEqual(expect.arrayContaining(['f19', 'f4']))
  })
})
