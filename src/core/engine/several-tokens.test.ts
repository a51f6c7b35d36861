import { CookieJar } from 'tough-cookie'
import { describe, expect, it, vi } from 'vitest'
import type { Bed, BedOptions, Loose } from '../../../test/support/bed.ts'
import { bed, testClock } from '../../../test/support/bed.ts'
import { factsOf } from '../../../test/facts.ts'
import { recordsIn } from '../../../test/support/stores.ts'
import { memoryStore } from '../../stores/memory.ts'
import type { Outcome } from '../web/response.ts'
import type { CookieOptions } from '../web/cookie-carrier.ts'
import { applyOutcome } from '../web/response.ts'
import type { Session } from '../session.ts'
import type { Store } from '../store.ts'
import { isScannable } from '../store.ts'

/** A site whose cookie changes in the course of time, and a browser that keeps what it was given before. */
interface Site {
  readonly jar: CookieJar
  /** What the last response set. */
  readonly lines: () => readonly string[]
  visit<R>(bed: Bed<Loose>, handler: (session: Session<Loose>) => R | Promise<R>, url?: string): Promise<R>
}

function browser(): Site {
  const jar = new CookieJar()
  let lines: readonly string[] = []
  return {
    jar,
    lines: () => lines,
    async visit({ sessions }, handler, url = 'https://a.example.com/shop') {
      const cookie = await jar.getCookieString(url)
      const { pathname, host } = new URL(url)
      const session = await sessions.open(
        factsOf({ url: pathname, headers: { host, ...(cookie !== '' && { cookie }) } }),
      )
      try {
        return await handler(session)
      } finally {
        lines = linesOf(await session.commit())
        for (const line of lines) await jar.setCookie(line, url)
      }
    },
  }
}

async function kept(store: Store): ReturnType<typeof recordsIn> {
  if (!isScannable(store)) throw new TypeError('the store cannot be scanned')
  return recordsIn(store)
}

/** As they leave in a response. */
function linesOf(outcome: Outcome | undefined): readonly string[] {
  let lines: readonly string[] = []
  if (outcome === undefined) return lines
  applyOutcome(outcome, {
    get: () => undefined,
    names: () => [],
    set: () => undefined,
    cookies: () => lines,
    setCookies: (merged) => void (lines = merged),
  })
  return lines
}

/** Two managers of one store: the site before and after its cookie was changed. */
function moved(before: CookieOptions, after: CookieOptions, rest: BedOptions<Loose> = {}): [Bed<Loose>, Bed<Loose>] {
  const clock = testClock()
  const store = memoryStore({ now: clock.now })
  const make = (cookie: CookieOptions): Bed<Loose> => bed({ store, clock, namespace: 'site', ...rest, cookie })
  return [make(before), make(after)]
}

const TO_PARENT = { name: '__Secure-id', domain: 'example.com' } as const
/** A browser in which ann is signed in, and which has a token from before the site's cookie lost its path. */
async function withStale(): Promise<{ site: Bed<Loose>; client: Site }> {
  const [old, site] = moved({ name: '__Secure-id', path: '/shop' }, { ...TO_PARENT, retired: [{ path: '/shop' }] })
  const client = browser()
  await client.visit(old, (session) => session.set('stale', true))
  const [stale] = await client.jar.getCookies('https://a.example.com/shop')
  await client.visit(site, (session) => session.login('ann'), 'https://a.example.com/')
  await client.jar.setCookie(`${stale?.cookieString()}; Path=/shop; Secure`, 'https://a.example.com/shop')
  return { site, client }
}

const whoIs = (session: Session<Loose>): string | undefined => session.subject

describe('a cookie of the same name from before', () => {
  it.each(['oldformat', 's%3Aabc.def', '', 'A'.repeat(47), `${'A'.repeat(46)}.${'B'.repeat(43)}`])(
    'COOKIE-9: what is no token does not count as a second one, wherever it stands: %s (F6)',
    async (stale) => {
      for (const secrets of [undefined, ['a secret of this test, long enough']]) {
        const site = bed({ ...(secrets && { secrets }) })
        const client = await site.signedIn('ann')
        const own = client.jar.get('__Host-id') ?? ''
        for (const header of [`__Host-id=${stale}; __Host-id=${own}`, `__Host-id=${own}; __Host-id=${stale}`]) {
          const session = await site.sessions.open(factsOf({ headers: { cookie: header } }))
          expect(session.subject).toBe('ann')
        }
      }
    },
  )

  it('COOKIE-9: signed by an older secret and by the newest, one token is one (F6)', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const [older, newest] = ['the older secret, which is long enough', 'the newest secret, which is long enough']
    const before = bed({ store, clock, secrets: [older] })
    const after = bed({ store, clock, secrets: [newest, older] })
    const client = await before.signedIn('ann')
    const old = client.jar.get('__Host-id')
    await after.visit(client, whoIs)
    expect(client.jar.get('__Host-id')).not.toBe(old)
    for (const pair of [
      [old, client.jar.get('__Host-id')],
      [client.jar.get('__Host-id'), old],
    ]) {
      const session = await after.sessions.open(
        factsOf({ headers: { cookie: pair.map((value) => `__Host-id=${value}`).join('; ') } }),
      )
      expect(session.subject).toBe('ann')
      // The one that the newest secret signed is there already.
      expect((await session.commit())?.cookies).toEqual([])
    }
  })

  it('a change of the domain, the path or the name signs nobody out for good: what is named as retired is cleared (F6)', async () => {
    const changes: readonly [CookieOptions, CookieOptions][] = [
      [
        { name: '__Secure-id', domain: 'a.example.com' },
        { ...TO_PARENT, retired: [{ domain: 'a.example.com' }] },
      ],
      [
        { name: '__Secure-id', path: '/shop' },
        { name: '__Secure-id', domain: 'a.example.com', retired: [{ path: '/shop' }] },
      ],
      // From the host alone to the domain, nothing has to be named.
      [{ name: '__Secure-id' }, TO_PARENT],
    ]
    for (const [before, after] of changes) {
      const [old, site] = moved(before, after)
      const client = browser()
      await client.visit(old, (session) => session.login('ann'))
      await client.visit(site, (session) => session.login('ann'))
      expect(await client.visit(site, whoIs)).toBe('ann')
      expect((await client.jar.getCookies('https://a.example.com/shop')).length).toBe(1)
    }
  })

  it('a browser that shows two tokens already gets the session of the one in use with the next request (F6)', async () => {
    const { site, client } = await withStale()
    expect(await client.visit(site, whoIs)).toBeUndefined()
    expect(client.lines()).toEqual([
      expect.stringMatching(/^__Secure-id=; Path=\/shop; Max-Age=0/),
      expect.stringMatching(/^__Secure-id=; Path=\/; Max-Age=0/),
    ])
    expect(await client.visit(site, whoIs)).toBe('ann')
    expect(client.lines()).toEqual([])
  })

  it('a retired cookie of another name is cleared when it is shown, and only then (F6)', async () => {
    const site = bed({ cookie: { retired: [{ name: 'connect.sid', domain: 'example.com' }] } })
    const client = browser()
    await client.visit(site, () => undefined)
    expect(client.lines()).toEqual([])
    await client.jar.setCookie('connect.sid=s%3Ax; Domain=example.com', 'https://a.example.com/')
    await client.visit(site, () => undefined)
    expect(client.lines()).toEqual([
      'connect.sid=; Path=/; Domain=example.com; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax',
    ])
    await client.visit(site, () => undefined)
    expect(client.lines()).toEqual([])
  })
})

describe('several tokens that might all be right', () => {
  async function tossed(): Promise<{ site: Bed<Loose>; client: Site; planted: Bed<Loose> }> {
    const [planted, site] = moved(
      { name: '__Secure-id', domain: 'example.com', path: '/shop' },
      { name: '__Secure-id' },
    )
    const client = browser()
    await client.visit(site, (session) => session.login('ann'), 'https://a.example.com/')
    await client.visit(planted, (session) => session.login('mallory'), 'https://evil.example.com/shop')
    return { site, client, planted }
  }

  it('COOKIE-9 ASVS5-15.3.7: nobody is signed in by them, nothing is stored, and no cookie replaces the right one', async () => {
    const { site, client } = await tossed()
    const before = await kept(site.store)
    const seen = site.record('ambiguous')
    await client.visit(site, (session) => {
      expect([session.subject, session.isNew]).toEqual([undefined, true])
      session.set('a', 1).start()
    })
    expect(await kept(site.store)).toEqual(before)
    expect(client.lines()).toEqual([])
    expect(seen).toHaveLength(1)
    expect(await client.visit(site, whoIs, 'https://a.example.com/elsewhere')).toBe('ann')
  })

  it('a sign-in, or a change that is asked for, is refused, for the next request would not show it (F6)', async () => {
    const { site, client } = await tossed()
    const before = await kept(site.store)
    const refused = { code: 'ambiguous', message: expect.stringContaining('cookie.retired') as unknown }
    const verbs: readonly ((session: Session<Loose>) => Promise<unknown>)[] = [
      (session) => session.login('ann'),
      (session) => session.set('a', 1).save(),
      (session) => session.increment('a'),
      (session) => session.update((data) => (data['a'] = 1)),
    ]
    expect(await client.visit(site, (session) => session.save())).toBe('unchanged')
    for (const verb of verbs) await expect(client.visit(site, verb)).rejects.toMatchObject(refused)
    expect(await kept(site.store)).toEqual(before)
  })

  it('a sign-in that is refused clears what it can all the same, and passes when it is sent again (F6)', async () => {
    const { site, client } = await withStale()
    await expect(client.visit(site, (session) => session.login('ann'))).rejects.toMatchObject({ code: 'ambiguous' })
    await client.visit(site, (session) => session.login('ann'))
    expect(await client.visit(site, whoIs)).toBe('ann')
  })

  it('CVE-2015-5963: a sign-out ends the sessions of all of them, and takes the own cookie away', async () => {
    const { site, client } = await tossed()
    await client.visit(site, (session) => session.logout())
    expect(client.lines()).toEqual([expect.stringMatching(/^__Secure-id=; Path=\/; Max-Age=0/)])
    expect((await kept(site.store)).filter(([, entry]) => entry.state === 'live')).toEqual([])
  })
})

describe('a cookie with a path', () => {
  const admin = { name: '__Secure-admin', path: '/admin' } as const

  it.each(['/', '/x', '/administrators', '/Admin', '/x?/admin', '/x#/admin'])(
    'stores nothing for a request outside it, and says so once: %s (F9)',
    async (url) => {
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
      const { sessions, store, record } = bed({ cookie: admin })
      const seen = record('warning')
      for (const change of [
        (session: Session<Loose>) => session.set('a', 1),
        (session: Session<Loose>) => session.set('a', 1).save(),
        (session: Session<Loose>) => session.increment('a'),
        (session: Session<Loose>) => session.start(),
      ]) {
        const session = await sessions.open(factsOf({ url }))
        await change(session)
        expect((await session.commit())?.cookies).toEqual([])
      }
      expect(await kept(store)).toEqual([])
      expect(seen.map(({ event }) => event['message'])).toEqual([expect.stringContaining('path "/admin"')])
      warn.mockRestore()
    },
  )

  it.each(['/admin', '/admin/', '/admin/users?x=1', '/admin?x', '*'])('stores what is inside: %s (F9)', async (url) => {
    const { sessions, record } = bed({ cookie: admin })
    const seen = record('warning')
    const session = await sessions.open(factsOf({ url }))
    session.set('a', 1)
    expect((await session.commit())?.cookies).toHaveLength(1)
    expect(seen).toEqual([])
  })

  it('lets a sign-in outside begin a session inside: browsers keep such a cookie (F9)', async () => {
    const site = bed({ cookie: admin })
    const client = browser()
    await client.visit(site, (session) => session.login('root'), 'https://a.example.com/login')
    expect(await client.visit(site, whoIs, 'https://a.example.com/admin')).toBe('root')
  })
})

describe('the option cookie.retired', () => {
  it.each([
    [{ name: 'a b' }, /cookie\.name/],
    [{ domian: 'example.com' }, /cookie\.retired: "domian"/],
    [{ name: '__Host-x', domain: 'example.com' }, /cookie\.domain/],
    [{}, /cookie\.retired: this is the cookie in use/],
    [undefined, /cookie\.retired: expected an object/],
  ])('is checked at the start: %o', (entry, message) => {
    const cookie = { retired: [entry] } as unknown as CookieOptions
    expect(() => bed({ cookie })).toThrow(message)
    expect(() => bed({ cookie })).toThrow(TypeError)
  })

  it('is a list', () => {
    expect(() => bed({ cookie: { retired: {} as never } })).toThrow(/cookie\.retired: expected a list/)
  })
})
