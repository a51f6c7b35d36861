import { describe, expect } from 'vitest'
import type { Outcome } from '../../../src/core/web/response.ts'
import type { Session } from '../../../src/core/session.ts'
import { seededRandom } from '../../../src/testing/index.ts'
import type { Client, Loose } from '../../support/bed.ts'
import { copyOf, receive, settled, tokenOf } from '../../support/bed.ts'
import type { Lab, Race } from '../lab.ts'
import { finish } from '../lab.ts'

const SECOND = 1000
const BROWSERS = 30
const WRITES = 6

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

/** Replacements of a token that is itself only a moment old: a browser has it, and requests under way with it. */
export function againRaces(race: Race): void {
  describe('a token that was handed out a moment ago', () => {
    race('RACE-9 RACE-4: leads on, however soon the next rotation follows (F1)', async (lab) => {
      for (const gap of [0, 300, 1500, 9000]) {
        const client = await lab.signedIn('ann')
        const late = [copyOf(client)]
        for (const _ of range(2)) {
          await lab.visit(client, (session) => session.rotate())
          late.push(copyOf(client))
          lab.clock.advance(gap / 2)
        }
        for (const [i, jar] of late.entries()) {
          const before = tokenOf(jar)
          await lab.visit(jar, (session) => {
            expect(session.subject, `after ${gap} ms`).toBe('ann')
            session.data[`late${i}`] = true
          })
          expect(tokenOf(jar)).toBe(before)
        }
        expect(await lab.visit(client, (session) => session.keys())).toEqual(['late0', 'late1', 'late2'])
      }
    })

    race('DOS-20: is not replaced a fifth time within the grace, and goes on itself (F1)', async (lab) => {
      const client = await lab.signedIn('ann')
      const jars: Client[] = []
      for (const _ of range(50)) {
        jars.push(copyOf(client))
        await lab.visit(client, async (session) => expect(await session.rotate()).toBe('rotated'))
      }
      expect(new Set(jars.map((jar) => tokenOf(jar))).size).toBe(5)
      for (const jar of jars) expect(await lab.visit(jar, (session) => session.subject)).toBe('ann')
      lab.clock.advance(10 * SECOND)
      await lab.visit(client, (session) => session.rotate())
      expect(tokenOf(client)).not.toBe(tokenOf(jars.at(-1)!))
    })

    race('RACE-9: leads on through all rotations of one request (F1)', async (lab) => {
      const client = await lab.signedIn('ann')
      const late = copyOf(client)
      await lab.visit(client, async (session) => {
        await session.rotate()
        await session.rotate()
      })
      expect(await lab.visit(late, (session) => session.subject)).toBe('ann')
      const buried = copyOf(client)
      await lab.visit(client, async (session) => {
        await session.rotate()
        await session.rotate({ grace: '0s' })
      })
      expect(await whatWrites(lab, buried)).toEqual([])
    })

    for (const [first, before] of Object.entries(replacements)) {
      for (const [second, after] of Object.entries(replacements)) {
        race(
          `RACE-9 COOKIE-13: gets no cookie over it when ${first} and ${second} follow each other (F1)`,
          async (lab) => {
            for (const gap of [0, 300, 1500]) {
              const client = await lab.signedIn('ann')
              const jars = [copyOf(client)]
              await lab.visit(client, (session) => before(session, lab))
              jars.push(copyOf(client))
              lab.clock.advance(gap)
              await lab.visit(client, (session) => after(session, lab))
              for (const jar of jars) expect(await whatWrites(lab, jar), `after ${gap} ms`).toEqual([])
              expect(await lab.visit(client, (session) => session.subject)).toBe('ann')
            }
          },
        )
      }
    }
  })

  describe('two tabs that rotate, with writes under way', () => {
    for (const times of [1, 4]) {
      race(`RACE-9 RACE-1: nobody is signed out by ${times} in each tab, and nothing is lost (F1)`, async (lab) => {
        const random = seededRandom(7 + times)
        const strays: string[] = []
        await Promise.all(
          range(BROWSERS).map(async (i) => {
            const user = `user${i}`
            const client = await lab.signedIn(user)
            const request = async (handler: (session: Session<Loose>) => Promise<unknown>): Promise<void> => {
              for (const _ of range(Math.floor(random() * 8))) await settled()
              const session = await lab.open(client)
              await handler(session)
              const outcome = await session.commit()
              if (outcome !== undefined && outcome.cookies.length > 0 && session.subject !== user) strays.push(user)
              receive(client, outcome)
            }
            const tab = async (): Promise<void> => {
              for (const _ of range(times)) await request((session) => session.rotate())
            }
            const writes = range(WRITES * times).map(() => request((session) => session.increment('n')))
            await Promise.all([tab(), tab(), ...writes])
            const left = await lab.visit(client, (session) => [session.subject, session.get('n')])
            expect(left).toEqual([user, WRITES * times])
          }),
        )
        expect(strays).toEqual([])
      })
    }
  })
}

/** Whatever replaces the token of a session that goes on. */
const replacements: Readonly<Record<string, (session: Session<Loose>, lab: Lab) => Promise<unknown>>> = {
  rotate: (session) => session.rotate(),
  'rotate without grace': (session) => session.rotate({ grace: '0s' }),
  elevate: (session) => session.elevate({ level: 2 }),
  'the end of all other sessions': (session, lab) => lab.sessions.forSubject('ann').endAll({ except: session }),
}

/** The cookies that a request gets which writes with that client's token, whether it is refused or not. */
async function whatWrites(lab: Lab, client: Client): Promise<Outcome['cookies']> {
  const session = await lab.open(client)
  session.data['late'] = true
  const outcome = await finish(session).catch(() => undefined)
  return outcome?.cookies ?? []
}
