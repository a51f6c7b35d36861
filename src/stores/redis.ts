import type { Clock } from '../core/clock.ts'
import type {
  ClearableStore,
  ClosableStore,
  ScannableStore,
  Store,
  SubjectStore,
  SweepableStore,
} from '../core/store.ts'
import { createCalls } from './redis/calls.ts'
import { type RedisClient, wireOf } from './redis/client.ts'
import { createNames } from './redis/keys.ts'
import type { Parts } from './redis/parts.ts'
import { recordsOf, subjectsOf } from './redis/records.ts'
import { refuse } from './redis/refuse.ts'
import { clearingIn, scanningIn, sweepingIn } from './redis/upkeep.ts'

export type { RedisClient } from './redis/client.ts'

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** The connected client; the store never closes it. */
  readonly client: RedisClient
  /** What all names of the store begin with; several stores may share a server. @defaultValue 'sojourn:' */
  readonly prefix?: string
  /** @defaultValue Date.now */
  readonly now?: Clock
}

/** What {@link redisStore} gives. */
export type RedisStore = Store & SubjectStore & ClearableStore & SweepableStore & ScannableStore & ClosableStore

/** Sessions in Redis or Valkey. */
export function redisStore(options: RedisStoreOptions): RedisStore {
  const wire = wireOf(options.client)
  const prefix = checkedPrefix(options.prefix ?? 'sojourn:')
  const calls = createCalls(wire)
  const parts: Parts = {
    calls,
    names: createNames(prefix, wire),
    now: options.now ?? Date.now,
    hasSlots: wire.hasSlots,
  }
  return {
    name: 'redis',
    ...recordsOf(parts),
    ...subjectsOf(parts),
    ...clearingIn(parts),
    ...scanningIn(parts, wire),
    ...sweepingIn(parts, wire, { hasOwnClock: options.now !== undefined }),
    close: () => calls.close(),
  }
}

function checkedPrefix(prefix: string): string {
  // Braces would decide on the slot, and the other characters mean something to SCAN.
  if (/^[A-Za-z0-9_.:/-]{1,64}$/.test(prefix)) return prefix
  throw refuse('prefix must be 1 to 64 of letters, digits and _ . : / -')
}
