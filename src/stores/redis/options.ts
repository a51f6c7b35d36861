import type { Clock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { parseWait } from '../../core/duration.ts'
import {
  assertOption,
  checkChoice,
  checkClock,
  checkFlag,
  checkFunction,
  checkNames,
  checkedCount,
  optionNames,
} from '../../core/options.ts'
import type { RedisClient } from './client.ts'
import type { Replicas } from './confirmed.ts'
import type { RedisPersistence } from './durability.ts'

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
    readonly timeout?: Duration
  }
  /**
   * What the server writes to its disk (`appendonly` and `appendfsync`), for `durability` to speak of. The store cannot
   * set it; it warns when it may ask the server and hears something else. @defaultValue 'everysec'
   */
  readonly persistence?: RedisPersistence
  /**
   * Works with a `maxmemory-policy` other than `noeviction`, which `setup()` refuses. A full server removes lists of users'
   * sessions then: such sessions go on, and can not be ended by their user, listed or counted for a limit.
   * @defaultValue false
   */
  readonly allowEviction?: boolean
  /** Hears what is wrong with the server's settings. @defaultValue a warning of the runtime */
  readonly onWarning?: (message: string) => void
  /** @defaultValue Date.now */
  readonly now?: Clock
}

const NAMES = optionNames<RedisStoreOptions>({
  client: true,
  prefix: true,
  replicas: true,
  persistence: true,
  allowEviction: true,
  onWarning: true,
  now: true,
})
const REPLICAS_NAMES = optionNames<NonNullable<RedisStoreOptions['replicas']>>({ count: true, timeout: true })
const PERSISTENCES: readonly RedisPersistence[] = ['always', 'everysec', 'none']

/** @throws TypeError for names and values that there are not. */
export function checkOptions(options: RedisStoreOptions): {
  readonly prefix: string
  readonly replicas: Replicas | undefined
  readonly persistence: RedisPersistence
  readonly allowEviction: boolean
} {
  checkNames('redisStore', options, NAMES)
  const { persistence = 'everysec', allowEviction = false, prefix = 'sojourn:', replicas } = options
  checkChoice('redisStore: persistence', persistence, PERSISTENCES)
  checkFlag('redisStore: allowEviction', allowEviction)
  checkFunction('redisStore: onWarning', options.onWarning, 'that is given a text')
  checkClock('redisStore: now', options.now)
  // Braces would decide on the slot, and other characters mean something to SCAN.
  assertOption(
    typeof prefix === 'string' && /^[A-Za-z0-9_.:/-]{1,64}$/.test(prefix),
    'redisStore: prefix: expected 1 to 64 of letters, digits and _ . : / -',
  )
  return { prefix, replicas: replicas && checkedReplicas(replicas), persistence, allowEviction }
}

function checkedReplicas(replicas: NonNullable<RedisStoreOptions['replicas']>): Replicas {
  checkNames('redisStore: replicas', replicas, REPLICAS_NAMES)
  return {
    count: checkedCount('redisStore: replicas.count', replicas.count),
    // To Redis, 0 means for ever.
    timeout: parseWait('redisStore: replicas.timeout', replicas.timeout ?? '1s'),
  }
}
