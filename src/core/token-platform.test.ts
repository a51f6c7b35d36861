import { afterEach, describe, expect, it, vi } from 'vitest'
import { bed, clientWith, newClient, testClock } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'
import { createSessions } from './sessions.ts'
import { partitionOfSubject } from './key.ts'
import { mintToken } from './token.ts'

/** The platform's calls that these tests watch, and its generator, which they break. */
const platform = vi.hoisted(() => ({
  hashes: 0,
  lengths: [] as number[],
  random: undefined as ((length: number) => Uint8Array) | undefined,
}))

vi.mock('#platform', async (importOriginal) => {
  const real = await importOriginal<typeof import('../platform/node.ts')>()
  return {
    ...real,
    sha256: (text: string) => {
      platform.hashes++
      return real.sha256(text)
    },
    hmacSha256: (key: Uint8Array, text: string) => {
      platform.hashes++
      return real.hmacSha256(key, text)
    },
    randomBytes: (length: number) => {
      platform.lengths.push(length)
      return (platform.random ?? real.randomBytes)(length)
    },
  }
})

afterEach(() => {
  platform.hashes = 0
  platform.lengths = []
  platform.random = undefined
})

describe('where tokens come from', () => {
  it('ASVS5-7.2.3 NIST-5.1-2: each token takes 32 fresh bytes from the platform generator', () => {
    mintToken()
    expect(platform.lengths.filter((length) => length === 32)).toHaveLength(1)
    mintToken(partitionOfSubject('id:ann'))
    expect(platform.lengths.filter((length) => length === 32)).toHaveLength(2)
  })

  it('VULN-25: when the generator throws, the request fails and there is no session', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { open } = bed({ store: counting.store, clock })
    const session = await open(newClient())
    session.data['a'] = 1
    platform.random = () => {
      throw new Error('no entropy')
    }
    await expect(session.commit()).rejects.toThrow('no entropy')
    await expect(session.login('ann')).rejects.toThrow('no entropy')
    expect(counting.count()).toBe(0)
  })

  it('VULN-25: a generator that gives zeros, or too few bytes, is detected', async () => {
    const { open } = bed()
    for (const random of [(length: number) => new Uint8Array(length), () => new Uint8Array([1, 2, 3])]) {
      const session = await open(newClient())
      session.data['a'] = 1
      platform.random = random
      await expect(session.commit()).rejects.toMatchObject({ code: 'random' })
      platform.random = undefined
    }
  })

  it('ASVS5-7.2.2 ASVS5-7.2.3 Y35: a generator that repeats itself gives nobody the session of somebody else', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { visit, open } = bed({ store: counting.store, clock })
    platform.random = (length) => new Uint8Array(length).fill(7)
    await visit(newClient(), (session) => session.set('owner', 'first'))
    const second = await open(newClient())
    second.data['owner'] = 'second'
    await expect(second.commit()).rejects.toMatchObject({ code: 'random' })
    // One for the first visitor, and a small number of attempts for the second.
    expect(counting.count('insert')).toBe(4)
  })

  it('ASVS5-7.2.3: a token that meets an existing one is replaced by a fresh one', async () => {
    const { visit, open, commit } = bed()
    const fixed = new Uint8Array(32).fill(9)
    platform.random = (length) => fixed.subarray(0, length)
    await visit(newClient(), (session) => session.set('owner', 'first'))
    const client = newClient()
    const session = await open(client)
    session.set('owner', 'second').start()
    platform.random = undefined
    await commit(client, session)
    expect(await visit(client, (again) => again.get('owner'))).toBe('second')
  })
})

describe('what is never hashed', () => {
  it('DOS-11: a cookie of 15 KiB reaches neither hash nor store, signed or not', async () => {
    for (const secrets of [undefined, ['a secret of 32 bytes, or of more']]) {
      const clock = testClock()
      const counting = countingStore(memoryStore({ now: clock.now }))
      const { open, commit } = bed({ store: counting.store, clock, ...(secrets && { secrets }) })
      platform.hashes = 0
      for (const text of [
        'A'.repeat(15 * 1024),
        'A'.repeat(45),
        'A'.repeat(47),
        `${'A'.repeat(46)}.${'A'.repeat(44)}`,
      ]) {
        const client = clientWith(text)
        await commit(client, await open(client))
      }
      expect(platform.hashes).toBe(0)
      expect(counting.count()).toBe(0)
    }
  })

  it('making sessions draws no random bytes and calls no store', () => {
    const counting = countingStore(memoryStore())
    createSessions({ store: counting.store })
    expect(platform.lengths).toEqual([])
    expect(counting.count()).toBe(0)
  })
})
