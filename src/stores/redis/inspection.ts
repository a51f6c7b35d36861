import type { RedisPersistence } from './durability.ts'
import { SCRIPTS } from './scripts.ts'
import type { Ask, Wire } from './wire.ts'

/** Tells what the servers are set to and should not be, each thing once. What may not be asked is not told. */
export async function inspect(
  wire: Wire,
  persistence: RedisPersistence,
  onWarning: (message: string) => void,
): Promise<void> {
  const found = new Set<string>()
  for (const ask of await wire.primaries()) {
    for (const warning of await warningsOf(ask, persistence)) found.add(warning)
  }
  for (const warning of found) onWarning(`redis: ${warning}`)
}

/** Gives every server the scripts, so that no first call must. */
export async function loadScripts(wire: Wire): Promise<void> {
  for (const ask of await wire.primaries()) {
    await Promise.all(Object.values(SCRIPTS).map((text) => ask(['SCRIPT', 'LOAD', text])))
  }
}

async function warningsOf(ask: Ask, persistence: RedisPersistence): Promise<readonly string[]> {
  const policy = await settingOf(ask, 'maxmemory-policy')
  const isAppending = await settingOf(ask, 'appendonly')
  const fsync = await settingOf(ask, 'appendfsync')
  const role: unknown = await ask(['ROLE']).catch(() => undefined)
  return [
    ...(policy === undefined || policy === 'noeviction'
      ? []
      : [
          `maxmemory-policy is ${policy}: under pressure the server removes sessions, which signs users out, and marks of ` +
            'ended ones; set it to noeviction',
        ]),
    ...persistenceWarnings(persistence, isAppending, fsync),
    ...(Array.isArray(role) && role[0] === 'slave'
      ? ['the client is connected to a replica, which refuses writes']
      : []),
  ]
}

function persistenceWarnings(
  declared: RedisPersistence,
  isAppending: string | undefined,
  fsync: string | undefined,
): readonly string[] {
  if (declared === 'none' || isAppending === undefined || fsync === undefined) return []
  if (isAppending !== 'yes') {
    return [
      `persistence is declared as '${declared}', but the server has appendonly no: a crash of the server loses sessions and ` +
        "brings ended ones back; set appendonly yes, or declare persistence: 'none'",
    ]
  }
  if (fsync === 'always' || (fsync === 'everysec' && declared === 'everysec')) return []
  return [`persistence is declared as '${declared}', but the server has appendfsync ${fsync}`]
}

/** Undefined when the user of the client may not ask, as with most hosted servers. */
async function settingOf(ask: Ask, name: string): Promise<string | undefined> {
  try {
    const reply = await ask(['CONFIG', 'GET', name])
    // A list, or with RESP3 a map, which clients make an object or a Map of.
    if (Array.isArray(reply)) return textIn(reply[1])
    if (reply instanceof Map) return textIn(reply.get(name))
    return typeof reply === 'object' && reply !== null ? textIn(Reflect.get(reply, name)) : undefined
  } catch {
    return undefined
  }
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
