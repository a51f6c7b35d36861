import { describe, expect, it } from 'vitest'
import { csrf } from '../../csrf.ts'
import type { Session } from '../session.ts'
import { hasSubjects } from '../store.ts'
import type { Bed, BedOptions, Client, Loose } from '../../../test/support/bed.ts'
import { MINUTE, bed, copyOf, newClient, tokenOf } from '../../../test/support/bed.ts'

const forms = csrf()

type Forms = Bed<Loose> & {
  /** A form of a page that this client loads. */
  form(client: Client): Promise<string>
  /** Whether the form passes when this client submits it. */
  passes(client: Client, form: string): Promise<boolean>
}

function formsOn(options: BedOptions<Loose> = {}): Forms {
  const world = bed<Loose>(options)
  return {
    ...world,
    form: (client) => world.visit(client, (session) => forms.token(session)),
    passes: (client, form) =>
      world.visit(client, (session) => forms.check(session), { method: 'POST', fields: { _csrf: form } }),
  }
}

describe('a form', () => {
  it('passes when the response that carried it has rotated the token (S3)', async () => {
    const { form, passes, clock, signedIn } = formsOn({ rotation: { every: '5m' } })
    const client = await signedIn('ann')
    for (let i = 0; i < 3; i++) {
      clock.advance(6 * MINUTE)
      const before = tokenOf(client)
      const shown = await form(client)
      expect(tokenOf(client)).not.toBe(before)
      expect(await passes(client, shown)).toBe(true)
    }
  })

  it('passes when another tab has rotated the token since, more than once and with whatever grace (S3)', async () => {
    const { form, passes, visit, clock, signedIn, sessions } = formsOn()
    for (const client of [await signedIn('ann'), newClient()]) {
      const shown = await form(client)
      const acts: readonly ((session: Session<Loose>) => Promise<unknown>)[] = [
        (session) => session.rotate(),
        (session) => session.rotate({ grace: '0s' }),
        (session) => sessions.forSubject('ann').endAll({ except: session }),
      ]
      for (const act of acts) {
        await visit(client, act)
        expect(await passes(client, shown)).toBe(true)
        clock.advance(MINUTE)
      }
    }
  })

  it('passes when it is sent with the old token within the grace, and one that is loaded so too (S3)', async () => {
    const { form, passes, visit, signedIn } = formsOn()
    const client = await signedIn('ann')
    const shown = await form(client)
    const late = [copyOf(client)]
    for (let i = 0; i < 3; i++) {
      await visit(client, (session) => session.rotate())
      late.push(copyOf(client))
    }
    for (const jar of late) {
      expect(await passes(jar, shown)).toBe(true)
      expect(await passes(client, await form(jar))).toBe(true)
    }
  })

  const signIns: Readonly<Record<string, (session: Session<Loose>) => Promise<void>>> = {
    login: (session) => session.login('ann', { keep: 'all' }),
    elevate: (session) => session.elevate({ level: 2 }),
    logout: (session) => session.logout({ keep: 'all' }),
  }
  for (const [name, act] of Object.entries(signIns)) {
    it(`ASVS5-3.5.1 VULN-4: from before a ${name} is refused, rotated or not (S3)`, async () => {
      for (const isRotated of [false, true]) {
        const { form, passes, visit, signedIn } = formsOn()
        const client = await signedIn('ann')
        if (isRotated) await visit(client, (session) => session.rotate())
        const shown = await form(client)
        await visit(client, act)
        expect(await passes(client, shown)).toBe(false)
        expect(await passes(client, await form(client))).toBe(true)
      }
    })
  }

  it('of another session is refused, also where both were rotated', async () => {
    const { form, passes, visit, signedIn } = formsOn()
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')]
    for (const client of [ann, bob]) await visit(client, (session) => session.rotate())
    expect(await passes(bob, await form(ann))).toBe(false)
  })
})

describe('the record', () => {
  it('holds nothing of a form’s secret until the token it comes from is replaced, and never a token', async () => {
    const { store, visit, signedIn } = formsOn()
    if (!hasSubjects(store)) throw new TypeError('a store with subjects')
    const client = await signedIn('ann')
    const first = tokenOf(client) ?? ''
    const metaOf = async (): Promise<string | undefined> => (await store.listBySubject('id:ann'))[0]?.meta
    expect(await metaOf()).not.toContain('secret')
    await visit(client, (session) => session.rotate())
    expect(await metaOf()).toMatch(/"secret":"[\w-]{43}"/)
    for (const token of [first, tokenOf(client) ?? '']) expect(await metaOf()).not.toContain(token.slice(3))
    await visit(client, (session) => session.elevate({ level: 2 }))
    expect(await metaOf()).not.toContain('secret')
  })
})

describe('whoever comes with the old token within the grace of a rotation', () => {
  it('takes the session over neither by elevate nor as the exception of an end, and ends nothing so (S11)', async () => {
    const { visit, signedIn, sessions } = bed()
    const [client, other] = [await signedIn('ann'), await signedIn('ann')]
    const late = copyOf(client)
    await visit(client, (session) => session.rotate())
    const verbs: readonly ((session: Session<Loose>) => Promise<unknown>)[] = [
      (session) => session.elevate({ level: 2 }),
      (session) => sessions.forSubject('ann').endAll({ except: session }),
    ]
    for (const verb of verbs) {
      await visit(late, (session) => expect(verb(session)).rejects.toMatchObject({ code: 'superseded' }))
      expect(await visit(client, (session) => [session.subject, session.authentication?.level])).toEqual(['ann', 1])
      expect(await visit(other, (session) => session.subject)).toBe('ann')
    }
    for (const verb of verbs) await visit(client, verb)
    expect(await visit(client, (session) => [session.subject, session.authentication?.level])).toEqual(['ann', 2])
    expect(await sessions.forSubject('ann').count()).toBe(1)
  })
})
