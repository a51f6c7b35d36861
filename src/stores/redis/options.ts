import type { Clock } from '../../core/clock.ts'
import type { RedisClient } from './client.ts'
import type { Replicas } from './confirmed.ts'
import type { RedisPersistence } from './durability.ts'
import { refuse } from './refuse.ts'

/** Options of `redisStore`. */
export interface RedisStoreOptions {
  /** The client. It stays the caller's: the store never closes it. */
  readonly client: RedisClient
  /**
   * What all names of the store begin with; several stores may share a server under several prefixes.
   * 1 to 64 of letters, digits and `_ . : / -`. @defaultValue 'sojourn:'
   */
  readonly prefix?: string
  /**
   * Logins, rotations and endings are answered only when so many replicas have confirmed them (`WAIT`, over a connection
   * of its own), and fail as `store-unavailable` when fewer have within the timeout. @defaultValue none
   */
  readonly replicas?: {
    readonly count: number
    /** @defaultValue '1s' */
    readonly timeout?: `${number}ms` | `${number}s`
  }
  /**
   * What the server writes to its disk (`appendonly` and `appendfsync`), for `durability` to speak of. The store cannot
   * set it; it warns when it may ask the server and hears something else. @defaultValue 'everysec'
   */
  readonly persistence?: RedisPersistence
  /** Hears what is wrong with the server's settings. @defaultValue a warning of the runtime */
  readonly onWarning?: (message: string) => void
  /** @defaultValue Date.now */
  readonly now?: Clock
}

const NAMES = ['client', 'prefix', 'replicas', 'persistence', 'onWarning', 'now'] as const
const REPLICAS_NAMES = ['count', 'timeout'] as const
const PERSISTENCES: readonly RedisPersistence[] = ['always', 'everysec', 'none']

/** @throws TypeError for names and values that there are not. */
export function checkOptions(options: RedisStoreOptions): {
  readonly prefix: string
  readonly replicas: Replicas | undefined
  readonly persistence: RedisPersistence
} {
  checkNames('', options, NAMES)
  const persistence = options.persistence ?? 'everysec'
  if (!PERSISTENCES.includes(persistence)) throw refuse(`persistence must be ${PERSISTENCES.join(', ')}`)
  return {
    prefix: checkedPrefix(options.prefix ?? 'sojourn:'),
    replicas: checkedReplicas(options.replicas),
    persistence,
  }
}

function checkedPrefix(prefix: string): string {
  // Braces would decide on the slot, and other characters mean something to SCAN.
  if (typeof prefix === 'string' && /^[A-Za-z0-9_.:/-]{1,64}$/.test(prefix)) return prefix
  throw refuse('prefix must be 1 to 64 of letters, digits and _ . : / -')
}

function checkedReplicas(replicas: RedisStoreOptions['replicas']): Replicas | undefined {
  if (replicas === undefined) return undefined
  checkNames('replicas.', replicas, REPLICAS_NAMES)
  const { count, timeout = '1s' } = replicas
  if (!Number.isInteger(count) || count < 1) throw refuse('replicas.count must be a whole number, at least 1')
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(timeout) ?? []
  const milliseconds = Math.ceil(Number(amount) * (unit === 's' ? 1000 : 1))
  // To Redis, 0 means for ever.
  if (!(milliseconds >= 1)) throw refuse("replicas.timeout must be a duration such as '1s' or '250ms'")
  return { count, timeout: milliseconds }
}

function checkNames(path: string, given: object, names: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined) throw refuse(`there is no option ${path}${unknown}; there are ${names.join(', ')}`)
}
