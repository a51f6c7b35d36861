import type { Durability, LossWindow } from '../../core/store.ts'
import type { Replicas } from './confirmed.ts'

/** What the server writes to its disk, as the operator declares it. */
export type RedisPersistence = 'always' | 'everysec' | 'none'

// With everysec, Redis syncs each second, and holds writes back for at most one second more while a sync is slow
// (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/, flushAppendOnlyFile in aof.c).
const EVERYSEC_MS = 2_000

const LOSS: Readonly<Record<RedisPersistence, number>> = { always: 0, everysec: EVERYSEC_MS, none: Infinity }

const WORDS: Readonly<Record<RedisPersistence, string>> = {
  always: 'appendfsync always: every change is on the disk of the server before it is answered',
  everysec: `appendfsync everysec: a crash of the server loses at most the last ${EVERYSEC_MS / 1000} seconds`,
  none: 'no append-only file: a crash of the server loses everything since the last snapshot, or everything',
}

/** What the store promises, given what was declared and asked for. */
export function durabilityOf(persistence: RedisPersistence, replicas: Replicas | undefined): Durability {
  const loss = LOSS[persistence]
  // Replication is asynchronous: Redis sets no bound on how far a replica is behind.
  const cheap: LossWindow = { processCrash: loss, machineCrash: loss, failover: Infinity }
  const decisive: LossWindow = { ...cheap, failover: replicas === undefined ? Infinity : 0 }
  return { decisive, saves: cheap, touches: cheap, words: `${WORDS[persistence]}; ${failoverWords(replicas)}` }
}

function failoverWords(replicas: Replicas | undefined): string {
  if (replicas === undefined) {
    return 'a failover loses what the promoted replica had not received yet, sign-outs too (set replicas to wait for it)'
  }
  const { count } = replicas
  return (
    `logins, rotations and endings are answered when ${count} replica${count === 1 ? ' has' : 's have'} confirmed them (WAIT) ` +
    'and outlive a failover that promotes one of those; other saves may be lost in a failover'
  )
}
