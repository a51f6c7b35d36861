import type { Durability, LossWindow } from '../../core/store.ts'
import type { Database } from './database.ts'

/** What the server does for its replicas, as the operator declares it. */
export type PostgresReplication = 'asynchronous' | 'synchronous'

// A transaction that is not waited for is on the disk after at most three rounds of the WAL writer, each of 200 ms:
// https://www.postgresql.org/docs/current/wal-async-commit.html
const ASYNCHRONOUS_MS = 600

/** What the store promises, given what was declared. */
export function durabilityOf(
  { kind, isInMemory }: Pick<Database, 'kind' | 'isInMemory'>,
  replication: PostgresReplication,
): Durability {
  if (kind === 'pglite') return isInMemory ? inMemory : inFolder
  const lazy: LossWindow = { processCrash: ASYNCHRONOUS_MS, machineCrash: ASYNCHRONOUS_MS, failover: Infinity }
  return {
    decisive: { processCrash: 0, machineCrash: 0, failover: replication === 'synchronous' ? 0 : Infinity },
    saves: lazy,
    touches: lazy,
    words:
      'logins, rotations and endings are on the disk of the server before they are answered, whatever its ' +
      'synchronous_commit (with fsync on, as it is unless somebody turned it off); other saves too where ' +
      `synchronous_commit is on, its default, else a crash may lose the last ${ASYNCHRONOUS_MS} ms of them (three times ` +
      `wal_writer_delay), as it may of touches; ${FAILOVER[replication]}`,
  }
}

const FAILOVER: Readonly<Record<PostgresReplication, string>> = {
  asynchronous: 'a failover loses what the promoted replica had not received yet, sign-outs too',
  synchronous:
    'logins, rotations and endings are on the synchronous standbys too (synchronous_standby_names) and outlive a failover to them',
}

const everything: LossWindow = { processCrash: Infinity, machineCrash: Infinity, failover: Infinity }
const written: LossWindow = { processCrash: 0, machineCrash: Infinity, failover: Infinity }

const inMemory: Durability = {
  decisive: everything,
  saves: everything,
  touches: everything,
  words: 'this PGlite is in memory: all sessions end with the process',
}

const inFolder: Durability = {
  decisive: written,
  saves: written,
  touches: everything,
  words:
    'this PGlite has handed logins, endings and saves to the operating system before they are answered, and touches some ' +
    'time later; it never waits for the disk, so a crash of the machine may lose or damage everything',
}
