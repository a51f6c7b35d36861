import { formCarrier } from 'sojourn/carriers/form'
import { urlCarrier } from 'sojourn/carriers/url'
import { describe, expect, it } from 'vitest'
import { fronts, startCounter } from './application.ts'
import type { Browser, Cookies, Look } from './browser.ts'
import { useProfiles } from './browser.ts'

const newProfile = useProfiles()
let shared: Browser | undefined

/** A browser without any cookie; the servers of all fronts share a host, and so its cookies. */
async function browserWith(cookies: Cookies): Promise<Browser> {
  shared ??= await newProfile().open(cookies)
  await shared.forgetCookies()
  await shared.choose(cookies)
  return shared
}

/** How pages look when the session travels in a cookie: no token is in them. */
function byCookie(session: string): Partial<Look> {
  return {
    session,
    cookie: expect.stringMatching(/(?:^|; )__Host-id=[\w-]{46}(?:;|$)/) as string,
    link: '/next?page=2',
    field: undefined,
  }
}

describe.each(fronts)('a browser that keeps cookies, and $name', (front) => {
  it('Y3: sees no token in an address or a form from its first visit on, and is asked once', async () => {
    const origin = await startCounter(front, { url: urlCarrier(), form: formCarrier() })
    const person = await (await browserWith('kept')).visitor()
    const looks = [
      await person.go(`${origin}/?a=1`),
      await person.follow('Next'),
      await person.press('Save'),
      await person.press('Go'),
    ]
    expect(looks.map(({ count }) => count)).toEqual([1, 2, 3, 4])
    for (const { session, link, field } of looks) {
      expect({ session, link, field }).toEqual({ session: looks[0]?.session, link: '/next?page=2', field: undefined })
    }
    expect((await person.answered()).map(({ address }) => address)).toEqual([
      '/?a=1',
      expect.stringMatching(/^\/\?a=1&cookies=ask\.\w+$/),
      '/?a=1',
      '/next?page=2',
      '/save',
      '/go',
      '/next?from=go',
    ])
    expect((await person.cookies()).kept.toSorted()).toEqual(['__Host-id', 'cookies-work', 'script'])
  })

  it('Y2 Y3: goes on by cookie with the session of a page whose link had the token when cookies were allowed', async () => {
    const origin = await startCounter(front, { url: urlCarrier(), form: formCarrier() })
    const browser = await browserWith('refused')
    const person = await browser.visitor()
    const { session } = await person.go(origin)
    expect(await person.follow('Next')).toMatchObject({ count: 2, address: expect.stringContaining('sid=') as string })
    await browser.choose('kept')
    expect(await person.follow('Next')).toMatchObject({ session, count: 3, cookie: '' })
    expect(await person.follow('Next')).toMatchObject({ ...byCookie(session), count: 4 })
    expect(await person.follow('Next')).toMatchObject({ ...byCookie(session), count: 5, address: '/next?page=2' })
    expect(await person.press('Go')).toMatchObject({ ...byCookie(session), count: 6, address: '/next?from=go' })
    expect(await person.press('Sign in')).toMatchObject({ user: 'ada', count: 7, refusal: '', field: undefined })
  })

  it('Y2 Y3: goes on by cookie with the session of a page whose form had the token when cookies were allowed', async () => {
    const origin = await startCounter(front, { form: formCarrier() })
    const browser = await browserWith('refused')
    const person = await browser.visitor()
    const { session } = await person.go(origin)
    expect(await person.press('Save')).toMatchObject({ session, count: 2, field: expect.any(String) as string })
    await browser.choose('kept')
    expect(await person.press('Save')).toMatchObject({ session, count: 3, cookie: '' })
    expect(await person.press('Save')).toMatchObject({ ...byCookie(session), count: 4 })
    expect(await person.follow('Next')).toMatchObject({ ...byCookie(session), count: 5 })
  })
})

it('Y2 Y3: a browser that is started again with cookies allowed goes on with the session of an address', async () => {
  const [front] = fronts
  const origin = await startCounter(front!, { url: urlCarrier(), form: formCarrier() })
  const profile = newProfile()
  const refusing = await profile.open('refused')
  const before = await refusing.visitor()
  const { session } = await before.go(origin)
  const { address, count } = await before.follow('Next')
  expect(count).toBe(2)
  await refusing.close()
  const keeping = await profile.open('kept')
  const person = await keeping.visitor()
  expect(await person.go(origin + address)).toMatchObject({ session, count: 3, cookie: '' })
  expect(await person.go(origin)).toMatchObject({ ...byCookie(session), count: 4, address: '/' })
  expect(await person.follow('Next')).toMatchObject({ ...byCookie(session), count: 5, address: '/next?page=2' })
  await keeping.close()
})
