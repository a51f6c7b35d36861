/** Eight processes, each with the whole engine of the built package, on one SQLite file at the same time. */
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from '../reading-room/support/server.ts'
import { together } from './crew.ts'
import type { Cap } from './tasks.ts'
import { CROWD, request, sessionsOn } from './tasks.ts'

const names = Array.from({ length: 8 }, (_, index) => `process ${index}`)
const TIMEOUT = { timeout: 120_000 }

function temporaryFile(): string {
  const folder = temporaryFolder()
  onTestFinished(() => folder.remove())
  return join(folder.path, 'sessions.db')
}

it(
  'RACE-1: eight processes that count in one session lose no count and no key, among logins and sweeps',
  TIMEOUT,
  async () => {
    const path = temporaryFile()
    const rounds = 500
    const sessions = sessionsOn(path)
    onTestFinished(() => sessions.close())
    const cookie = (await request(sessions, undefined, (session) => session.start())) ?? ''

    const results = await together(names.map((name) => ({ kind: 'share', name, path, cookie, rounds })))

    expect(results.flatMap(({ errors }) => errors)).toEqual([])
    await request(sessions, cookie, (session) => {
      const { count, ...own } = session.data
      expect(count).toBe(names.length * rounds)
      const wanted = names.flatMap((name) =>
        Array.from({ length: rounds / 10 }, (_, tenth) => [`${name} ${tenth * 10}`, tenth * 10]),
      )
      expect(own).toEqual(Object.fromEntries(wanted))
    })
    for (const [index, { cookies, ended }] of results.entries()) {
      expect(cookies).toHaveLength(rounds / 25)
      for (const [round, alive] of cookies.entries()) {
        const user = `${names[index]} ${round * 25}`
        await request(sessions, alive, (session) =>
          expect([session.subject, session.get('user')]).toEqual([user, user]),
        )
      }
      for (const dead of ended) await request(sessions, dead, (session) => expect(session.subject).toBeUndefined())
    }
  },
)

it('DOS-5: however many processes sign one user in, the cap that ends the oldest holds exactly', TIMEOUT, async () => {
  const path = temporaryFile()
  const cap: Cap = { max: 5, onLimit: 'evict-oldest' }
  const results = await together(names.map((name) => ({ kind: 'crowd', name, path, logins: 25, cap })))

  expect(results.flatMap(({ errors }) => errors)).toEqual([])
  // A login that the cap has ended before its response left gives no cookie.
  const cookies = results.flatMap((result) => result.cookies)
  expect(await livingIn(path, cookies)).toBe(cap.max)
})

it(
  'DOS-5: however many processes sign one user in, the cap that rejects lets in exactly as many as it says',
  TIMEOUT,
  async () => {
    const path = temporaryFile()
    const cap: Cap = { max: 5, onLimit: 'reject' }
    const results = await together(names.map((name) => ({ kind: 'crowd', name, path, logins: 25, cap })))

    const cookies = results.flatMap((result) => result.cookies)
    expect(cookies).toHaveLength(cap.max)
    expect(results.flatMap(({ errors }) => errors)).toEqual(
      Array.from({ length: names.length * 25 - cap.max }, () => 'subject-limit'),
    )
    expect(await livingIn(path, cookies)).toBe(cap.max)
  },
)

it('ASVS5-7.2.3: eight processes that make 100000 tokens at the same time make none twice', TIMEOUT, async () => {
  const amount = 12_500
  const results = await together(names.map(() => ({ kind: 'mint', amount })))
  expect(new Set(results.flatMap(({ cookies }) => cookies)).size).toBe(names.length * amount)
})

/** How many of the cookies open the crowd's session; the store's own count must say the same. */
async function livingIn(path: string, cookies: readonly string[]): Promise<number> {
  const sessions = sessionsOn(path)
  try {
    let living = 0
    for (const cookie of cookies) {
      await request(sessions, cookie, ({ subject }) => {
        if (subject === CROWD) living++
      })
    }
    expect(await sessions.forSubject(CROWD).count()).toBe(living)
    return living
  } finally {
    await sessions.close()
  }
}
