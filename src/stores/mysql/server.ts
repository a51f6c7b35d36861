import type { Durability } from '../../core/store.ts'
import type { Ask } from './client.ts'
import { ASSUMED, type DurabilitySettings, durabilityOf } from './durability.ts'
import { textIn } from './values.ts'

/** What is known of the server's settings. */
export interface Server {
  readonly durability: Durability
  /** Asks the server, and tells of what sessions suffer from. */
  examine(ask: Ask): Promise<void>
}

export function createServer(onWarning: (message: string) => void): Server {
  let durability = durabilityOf(ASSUMED, 'assumed')
  return {
    get durability() {
      return durability
    },
    async examine(ask) {
      const variables = await readVariables(ask)
      const settings = settingsIn(variables)
      durability = durabilityOf(settings, 'asked')
      for (const message of complaints(variables, settings)) onWarning(`mysql: ${message}`)
    },
  }
}

type Variables = ReadonlyMap<string, string>

// SHOW and not @@: a server that does not know one of them is silent about it.
async function readVariables(ask: Ask): Promise<Variables> {
  const rows = await ask(
    `SHOW VARIABLES WHERE Variable_name IN ('autocommit', 'binlog_format', 'innodb_flush_log_at_timeout',
      'innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog')`,
  )
  return new Map(rows.map((row) => [textIn(row[0]).toLowerCase(), textIn(row[1]).toUpperCase()]))
}

function settingsIn(variables: Variables): DurabilitySettings {
  return {
    flush: Number(variables.get('innodb_flush_log_at_trx_commit') ?? ASSUMED.flush),
    seconds: Number(variables.get('innodb_flush_log_at_timeout') ?? ASSUMED.seconds),
    hasLooseBinlog: variables.get('log_bin') === 'ON' && variables.get('sync_binlog') !== '1',
  }
}

function complaints(variables: Variables, { flush, hasLooseBinlog }: DurabilitySettings): readonly string[] {
  const found: string[] = []
  if (flush !== 1) {
    found.push(
      `innodb_flush_log_at_trx_commit is ${flush}: after a crash, sessions that were ended may be back; set it to 1`,
    )
  }
  if (hasLooseBinlog) {
    found.push('sync_binlog is not 1: after a crash of the machine, sessions that were ended may be back; set it to 1')
  }
  if (variables.get('autocommit') === 'OFF') {
    found.push('autocommit is off: reads would see a past state, ended sessions too; switch it on for this pool')
  }
  if (variables.get('log_bin') === 'ON' && variables.get('binlog_format') === 'STATEMENT') {
    found.push('binlog_format is STATEMENT, and no session can be written at READ COMMITTED; use ROW or MIXED')
  }
  return found
}
