import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'

/** Looks at a Redis server past the store. */
export interface Eye {
  readonly redis: Redis
  /** How often each command was called since the last look, those called by scripts included. */
  readonly commands: () => Promise<Readonly<Record<string, number>>>
  /** The time to live of every key: -1 for none. */
  readonly lifetimes: () => Promise<Readonly<Record<string, number>>>
}

const OWN = ['info', 'config|resetstat', 'keys', 'pttl', 'client|setinfo', 'select', 'hello']

export function eyeOn(url: string): Eye {
  const redis = new Redis(url)
  onTestFinished(() => redis.disconnect())
  return {
    redis,
    async commands() {
      const info = await redis.info('commandstats')
      await redis.config('RESETSTAT')
      const counts = [...info.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm)].map(
        ([, name = '', calls]) => [name, Number(calls)] as const,
      )
      return Object.fromEntries(counts.filter(([name]) => !OWN.includes(name)))
    },
    async lifetimes() {
      const keys = await redis.keys('*')
      const pairs = await Promise.all(keys.map(async (key) => [key, await redis.pttl(key)] as const))
      return Object.fromEntries(pairs)
    },
  }
}
