import { formCarrier } from 'sojourn/carriers/form'
import { urlCarrier } from 'sojourn/carriers/url'
import { describe, expect, it } from 'vitest'
import { fronts, startCounter } from './application.ts'
import type { Browser, Look, Visitor } from './browser.ts'
import { useProfiles } from './browser.ts'

const newProfile = useProfiles()
const TOKEN = /[\w-]{46}/
let refusing: Browser | undefined

/** At a browser that refuses every cookie, with a page of its own. */
async function visitor(): Promise<Visitor> {
  refusing ??= await newProfile().open('refused')
  return refusing.visitor()
}

/** Counts of the pages, which have to be of one session and to have come without a cookie. */
function countsOf(looks: readonly Look[]): readonly number[] {
  for (const { session, cookie, refusal } of looks) {
    expect({ session, cookie, refusal }).toEqual({ session: looks[0]?.session, cookie: '', refusal: '' })
  }
  return looks.map(({ count }) => count)
}

/** Each page was told to be no referrer and to be kept nowhere, and offered a cookie, and the browser kept none. */
async function expectNothingKept(person: Visitor): Promise<void> {
  const pages = (await person.answered()).filter(({ status }) => status === 200)
  for (const page of pages) {
    const cacheControl = expect.stringContaining('no-store') as string
    expect(page).toMatchObject({ referrerPolicy: 'no-referrer', cacheControl, cookies: ['__Host-id'] })
  }
  expect(await person.cookies()).toEqual({ kept: [], seen: '' })
}

const places = [
  { place: 'a parameter', url: urlCarrier(), address: /^\/next\?page=2&sid=[\w-]{46}$/ },
  { place: 'a suffix of the path', url: urlCarrier({ suffix: ';sid=' }), address: /^\/next;sid=[\w-]{46}\?page=2$/ },
]

describe.each(fronts)('a browser that refuses cookies, and $name', (front) => {
  it.each(places)('Y2 W18: links go on with the session by $place, which no handler sees', async ({ url, address }) => {
    const origin = await startCounter(front, { url })
    const person = await visitor()
    const looks = [await person.go(`${origin}/?a=1`), await person.follow('Next'), await person.follow('Next')]
    expect(countsOf(looks)).toEqual([1, 2, 3])
    expect(looks.map(({ path }) => path)).toEqual(['/?a=1', '/next?page=2', '/next?page=2'])
    for (const look of looks.slice(1)) expect(look.address).toMatch(address)
    expect(await person.referrer()).toBe('')
    await expectNothingKept(person)
  })

  it('Y2 W18: forms go on with the session by a hidden field alone', async () => {
    const origin = await startCounter(front, { form: formCarrier() })
    const person = await visitor()
    const looks = [await person.go(origin), await person.press('Save'), await person.press('Save')]
    expect(countsOf(looks)).toEqual([1, 2, 3])
    for (const { field, address, link } of looks) {
      expect(field).toMatch(TOKEN)
      expect(address + link).not.toMatch(TOKEN)
    }
    await expectNothingKept(person)
    // The link has no token here.
    expect(await person.follow('Next')).toMatchObject({ count: 1 })
  })

  it('Y2 W18: links, forms and a redirect, one after the other, go on with one session', async () => {
    const origin = await startCounter(front, { url: urlCarrier(), form: formCarrier() })
    const person = await visitor()
    const looks = [
      await person.go(origin),
      await person.press('Save'),
      await person.follow('Next'),
      await person.press('Go'),
      await person.press('Save'),
      await person.follow('Next'),
    ]
    expect(countsOf(looks)).toEqual([1, 2, 3, 4, 5, 6])
    expect(looks[3]?.address).toMatch(/^\/next\?from=go&sid=[\w-]{46}$/)
    await expectNothingKept(person)
  })

  it('nobody signs in with a token that travels in addresses or forms', async () => {
    const origin = await startCounter(front, { url: urlCarrier(), form: formCarrier() })
    const person = await visitor()
    const { session } = await person.go(origin)
    expect(await person.press('Sign in')).toMatchObject({ refusal: 'carrier-forbidden', user: '', session, count: 2 })
    expect(await person.follow('Next')).toMatchObject({ refusal: '', user: '', session, count: 3 })
  })

  it('somebody signs in where that is asked for, and the token of before opens nothing any more', async () => {
    const options = { carriesSubjects: true }
    const origin = await startCounter(front, { url: urlCarrier(options), form: formCarrier(options) })
    const person = await visitor()
    const before = await person.go(origin)
    const after = [await person.press('Sign in'), await person.follow('Next'), await person.press('Save')]
    expect(countsOf(after)).toEqual([2, 3, 4])
    expect(after.map(({ user }) => user)).toEqual(['ada', 'ada', 'ada'])
    expect(after[0]?.field).not.toBe(before.field)
    await expectNothingKept(person)
    // The page counts, and a change under a token that was replaced is refused.
    expect(await person.fetched(origin + before.link)).toBe(409)
  })
})
