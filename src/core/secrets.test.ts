import { describe, expect, it } from 'vitest'
import type { Client, Loose } from '../../test/support/bed.ts'
import { DAY, START, bed, testClock, tokenOf } from '../../test/support/bed.ts'
import { factsOf } from '../../test/facts.ts'
import { memoryStore } from '../stores/memory.ts'
import type { SessionsOptions } from './config.ts'

const KEY = 'a secret of this site, 32 bytes at least'
const NEWER = 'the next secret of it, 32 bytes at least'

/** A site that is deployed again and again with other secrets, on one store. */
function site() {
  const clock = testClock()
  const store = memoryStore({ now: clock.now })
  const deploy = (secrets?: SessionsOptions<Loose>['secrets']) =>
    bed<Loose>({ store, clock, timeouts: { absolute: '60d', idle: '60d' }, ...(secrets && { secrets }) })
  return { clock, deploy }
}

const isSigned = (client: Client): boolean => tokenOf(client)?.includes('.') === true
const soon = new Date(START + 30 * DAY)

describe('secrets on a live site', () => {
  it('turned on, take unsigned tokens until an instant and sign them, so that nobody is signed out (F14)', async () => {
    for (const acceptUnsignedUntil of [soon, soon.toISOString(), '2026-02-04']) {
      const { clock, deploy } = site()
      const before = deploy()
      const [ann, ben] = [await before.signedIn('ann'), await before.signedIn('ben')]
      const after = deploy({ keys: [KEY], acceptUnsignedUntil })
      const token = tokenOf(ann)
      clock.advance(1)
      expect(await after.visit(ann, (session) => session.subject)).toBe('ann')
      expect(tokenOf(ann)).toMatch(new RegExp(`^${token}\\.`))
      // What was handed out anew is not touched at each request.
      const held = tokenOf(ann)
      await after.visit(ann, (session) => session.subject)
      expect(tokenOf(ann)).toBe(held)
      expect(isSigned(await after.signedIn('cleo'))).toBe(true)
      clock.advance(30 * DAY)
      expect(await after.visit(ann, (session) => session.subject)).toBe('ann')
      expect(await after.visit(ben, (session) => session.subject)).toBeUndefined()
    }
  })

  it('without that instant unsigned tokens never reach the store', async () => {
    const { deploy } = site()
    const ann = await deploy().signedIn('ann')
    for (const secrets of [[KEY], { keys: [KEY] }]) {
      const { open } = deploy(secrets)
      const session = await open(ann)
      expect([session.subject, session.activity.reads]).toEqual([undefined, 0])
    }
  })

  it('turned off, still take what they signed, and hand it out unsigned, so that nobody is signed out (F14)', async () => {
    const { clock, deploy } = site()
    const before = deploy([NEWER, KEY])
    const [ann, ben, dan] = [
      await before.signedIn('ann'),
      await deploy([KEY]).signedIn('ben'),
      await deploy().signedIn('dan'),
    ]
    const after = deploy({ keys: [NEWER, KEY], sign: false })
    clock.advance(1)
    for (const [name, client] of [
      ['ann', ann],
      ['ben', ben],
      ['dan', dan],
    ] as const) {
      expect(await after.visit(client, (session) => session.subject)).toBe(name)
      expect(isSigned(client), name).toBe(false)
    }
    const forger = await after.signedIn('eve')
    forger.jar.set('__Host-id', `${tokenOf(forger)}.${'A'.repeat(43)}`)
    expect(await after.visit(forger, (session) => session.subject)).toBeUndefined()
    expect(await deploy().visit(ann, (session) => session.subject)).toBe('ann')
  })

  it('are turned on process by process by way of taking both kinds, whichever process a request meets', async () => {
    const { clock, deploy } = site()
    const steps = [deploy(), deploy({ keys: [KEY], sign: false }), deploy({ keys: [KEY], acceptUnsignedUntil: soon })]
    for (const [i, first] of steps.entries()) {
      for (const second of steps.slice(Math.max(0, i - 1), i + 2)) {
        const client = await first.signedIn('ann')
        for (const process of [second, first, second]) {
          clock.advance(1)
          expect(await process.visit(client, (session) => session.subject), String(i)).toBe('ann')
        }
      }
    }
  })

  it('two tokens of one session, signed and not, are one token', async () => {
    const { deploy } = site()
    const { signedIn, sessions } = deploy({ keys: [KEY], acceptUnsignedUntil: soon })
    const signed = tokenOf(await signedIn('ann')) ?? ''
    const header = `__Host-id=${signed}; __Host-id=${signed.split('.')[0]}`
    const session = await sessions.open(factsOf({ headers: { cookie: header } }))
    expect(session.subject).toBe('ann')
  })

  it('every wrong way to say it is an error of the start', () => {
    const { deploy } = site()
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      ['x'.repeat(32), /^secrets: expected a list/],
      [{ keys: [] }, /^secrets: expected a list/],
      [{ keys: ['short'] }, /^secrets: expected a list/],
      [{ keys: [KEY], signs: false }, /^secrets: "signs" is no option; .*did you mean sign/],
      [{ keys: [KEY], sign: 'no' }, /^secrets\.sign: expected true or false/],
      [{ keys: [KEY], acceptUnsignedUntil: 'soon' }, /^secrets\.acceptUnsignedUntil: expected a Date/],
      [{ keys: [KEY], acceptUnsignedUntil: '30d' }, /^secrets\.acceptUnsignedUntil: /],
      [{ keys: [KEY], acceptUnsignedUntil: new Date(Number.NaN) }, /^secrets\.acceptUnsignedUntil: /],
      [{ keys: [KEY], acceptUnsignedUntil: true }, /^secrets\.acceptUnsignedUntil: /],
    ]
    for (const [secrets, message] of wrong) {
      expect(() => deploy(secrets as never), String(message)).toThrow(message)
      expect(() => deploy(secrets as never), String(message)).toThrow(TypeError)
    }
  })
})
