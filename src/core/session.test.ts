import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bed, newClient } from '../../test/support/bed.ts'

interface Visit {
  cart: string[]
  theme: 'dark' | 'light'
  user?: { name: string; tags: string[] }
  visits?: number
}

const shop = (): ReturnType<typeof bed<Visit>> => bed<Visit>({ initial: () => ({ cart: [], theme: 'light' }) })

describe('the data of a session', () => {
  it('P10 W2 Y12: attribute, index, get and has all work on the same data', async () => {
    const session = await shop().open(newClient())
    session.data.theme = 'dark'
    session.set('visits', 1)
    expect(session.data['visits']).toBe(1)
    expect(session.get('theme')).toBe('dark')
    expect([session.has('theme'), 'theme' in session.data, session.has('user')]).toEqual([true, true, false])
    session.data.visits = (session.data.visits ?? 0) + 1
    expect(session.get('visits')).toBe(2)
  })

  it('a missing key gives undefined, or the fallback; a value that is there wins over the fallback', async () => {
    const { open } = bed()
    const session = await open(newClient())
    expect(session.get('a')).toBeUndefined()
    expect(session.get('a', 'none')).toBe('none')
    for (const value of [0, '', false, null]) expect(session.set('a', value).get('a', 'none')).toBe(value)
  })

  it('delete tells whether the key was there, and clear empties the data but keeps the session', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => {
      session.set('a', 1).set('b', 2)
      expect([session.delete('a'), session.delete('a'), session.delete('toString')]).toEqual([true, false, false])
    })
    await visit(client, (session) => {
      expect(session.keys()).toEqual(['b'])
      session.clear()
    })
    await visit(client, (session) => {
      expect([session.isStarted, session.isNew, session.keys()]).toEqual([true, false, []])
    })
  })

  it('W13: keys and entries are lists of their own, so that the data may change while they are walked', async () => {
    const session = await bed().open(newClient())
    session.set('a', 1).set('b', 2).set('c', 3)
    const walked: string[] = []
    for (const key of session.keys()) {
      walked.push(key)
      session.delete(key)
      session.set(`${key}${key}`, true)
    }
    expect(walked).toEqual(['a', 'b', 'c'])
    expect(session.entries()).toEqual([
      ['aa', true],
      ['bb', true],
      ['cc', true],
    ])
  })

  it('W10: a key that is no string is a TypeError', async () => {
    const session = await bed().open(newClient())
    for (const key of [1, Symbol('s'), undefined, null, {}]) {
      expect(() => session.set(key as never, 1)).toThrow(/^session\.set: keys are strings/)
    }
  })

  it('W11: every string comes back exactly, as a key and as a value', async () => {
    const { visit } = bed()
    const texts = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), { numRuns: 300, seed: 3 })
    const values = ['', 'é', '日本', '\ud83d\ude00', '\ud800', '\u0000', 'x'.repeat(10_000), ...texts]
    const client = newClient()
    await visit(client, (session) => values.forEach((value, i) => session.set(`k${i}`, value)))
    await visit(client, (session) => values.forEach((value, i) => expect(session.get(`k${i}`)).toBe(value)))
    const keys = [...new Set(texts)].filter((key) => key !== '__proto__')
    await visit(client, (session) => {
      session.clear()
      keys.forEach((key, i) => session.set(key, i))
    })
    await visit(client, (session) => keys.forEach((key, i) => expect(session.get(key)).toBe(i)))
  })

  it('the data cannot be replaced as a whole by mistake', async () => {
    const session = await bed().open(newClient())
    expect(() => Object.assign(session, { data: {} })).toThrow(TypeError)
  })

  it('Y9 Y10: each new session has its own copy of the starting contents, nested ones too', async () => {
    const defaults = { cart: [] as string[], theme: 'light' as const, user: { name: '', tags: ['new'] } }
    const { open, visit } = bed<Visit>({ initial: () => defaults })
    const [one, two] = [await open(newClient()), await open(newClient())]
    one.data.cart.push('tea')
    one.data.user?.tags.push('changed')
    expect(two.data).toEqual({ cart: [], theme: 'light', user: { name: '', tags: ['new'] } })
    expect(defaults.cart).toEqual([])
    const client = newClient()
    await visit(client, (session) => void session.data.cart.push('tea'))
    expect(await visit(client, (session) => session.data.cart)).toEqual(['tea'])
  })

  it('Y11: starting contents are asked for once for each new session, and never for one that exists', async () => {
    let calls = 0
    const { visit } = bed({ initial: () => ({ number: ++calls, at: Math.random() }) })
    const client = newClient()
    await visit(client, (session) => {
      expect(session.data).toMatchObject({ number: 1 })
      session.start()
    })
    await visit(client, (session) => expect(session.get('number')).toBe(1))
    await visit(client, (session) => expect(session.get('number')).toBe(1))
    expect(calls).toBe(1)
  })

  it('ASVS5-7.6.2: reading starting contents that differ each time stores nothing', async () => {
    const { open, commit } = bed({ initial: () => ({ at: Math.random() }) })
    const client = newClient()
    const session = await open(client)
    expect(session.get('at')).toBeTypeOf('number')
    expect((await commit(client, session))?.cookies).toEqual([])
    expect(session.activity).toEqual({ reads: 0, writes: 0 })
  })
})
