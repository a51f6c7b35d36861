import type { Durability, LossWindow } from '../../core/store.ts'

/** The server's settings that decide what an accident may take. None of them can be chosen for one transaction. */
export interface DurabilitySettings {
  /** `innodb_flush_log_at_trx_commit`: 1 waits for the disk, 2 for the operating system, 0 for neither. */
  readonly flush: number
  /** `innodb_flush_log_at_timeout`: every so many seconds the log goes to the disk in any case. */
  readonly seconds: number
  /** A binary log is written (`log_bin`) and does not go to the disk at each commit (`sync_binlog`). */
  readonly hasLooseBinlog: boolean
}

/** What is taken for true until the server was asked: the defaults of MySQL and MariaDB. */
export const ASSUMED: DurabilitySettings = { flush: 1, seconds: 1, hasLooseBinlog: false }

// What an operating system may not have written yet: half a minute by the defaults of Linux.
const WRITEBACK = 35_000

/** One answer for all operations: InnoDB has one setting for all transactions. */
export function durabilityOf(settings: DurabilitySettings, source: 'assumed' | 'asked'): Durability {
  const { flush, seconds, hasLooseBinlog } = settings
  const log = seconds * 1000
  const window: LossWindow = {
    processCrash: flush === 0 ? log : 0,
    machineCrash: Math.max(flush === 1 ? 0 : log, hasLooseBinlog ? WRITEBACK : 0),
    // Replication is asynchronous unless somebody arranged otherwise, and nobody knows how far a replica is behind.
    failover: Infinity,
  }
  return { decisive: window, saves: window, touches: window, words: wordsOf(settings, source) }
}

function wordsOf({ flush, hasLooseBinlog }: DurabilitySettings, source: 'assumed' | 'asked'): string {
  const said = source === 'asked' ? 'as the server said' : 'assumed: setup() asks the server'
  const log = flush === 1 ? 'on the disk' : flush === 2 ? 'with the operating system' : 'in the memory of the server'
  return [
    `What is answered is ${log} (innodb_flush_log_at_trx_commit = ${flush}, ${said}), for all operations alike.`,
    ...(hasLooseBinlog
      ? ['The binary log is not (sync_binlog), and a crash of the machine undoes what it lacks.']
      : []),
    'A failover loses what the replica has not received; nothing with semi-synchronous replication.',
  ].join(' ')
}
