import { SessionError } from '../../core/errors.ts'
import type { RedisPersistence } from './durability.ts'
import { SCRIPTS } from './scripts.ts'
import type { Ask, Wire } from './wire.ts'

/** What the application knows of its servers, and says. */
export interface Declared {
  readonly persistence: RedisPersistence
  readonly allowEviction: boolean
}

/** Looks at the servers, and tells what they are set to and should not be, each thing once. */
export interface Inspection {
  /** Looks if nobody has, and tells faults as it tells warnings. */
  readonly begin: () => void
  /** @throws SessionError when no session should be stored there. */
  readonly pass: () => Promise<void>
}

/** What the user of the client may not ask is not known, and not told. */
export function createInspection(wire: Wire, declared: Declared, tell: (message: string) => void): Inspection {
  const told = new Set<string>()
  const tellOnce = (message: string): void => {
    if (!told.has(message)) tell(message)
    told.add(message)
  }
  let looking: Promise<readonly string[]> | undefined
  const look = async (): Promise<readonly string[]> => {
    let isFine = false
    try {
      const { faults, warnings } = await inspect(wire, declared)
      warnings.forEach(tellOnce)
      isFine = faults.length === 0
      return faults
    } finally {
      // Whoever asks again has set it right, perhaps.
      if (!isFine) looking = undefined
    }
  }
  const lookOnce = (): Promise<readonly string[]> => (looking ??= look())
  const begin = async (): Promise<void> => {
    try {
      const faults = await lookOnce()
      faults.forEach(tellOnce)
    } catch {
      // What cannot be asked now is not worth an error: the operation itself will tell.
    }
  }
  return {
    begin: () => void begin(),
    async pass() {
      const [fault] = await lookOnce()
      if (fault !== undefined) throw new SessionError('store-unavailable', fault)
    },
  }
}

interface Findings {
  /** What no session should be stored under. */
  readonly faults: readonly string[]
  readonly warnings: readonly string[]
}

/** Looks at every server that holds data. */
async function inspect(wire: Wire, declared: Declared): Promise<Findings> {
  const [faults, warnings] = [new Set<string>(), new Set<string>()]
  for (const ask of await wire.primaries()) {
    const eviction = declared.allowEviction ? undefined : await evictionOf(ask)
    if (eviction !== undefined) (eviction.isPossible ? faults : warnings).add(`redis: ${eviction.words}`)
    for (const warning of await warningsOf(ask, declared.persistence)) warnings.add(`redis: ${warning}`)
  }
  return { faults: [...faults], warnings: [...warnings] }
}

/** Gives every server the scripts, so that no first call must. */
export async function loadScripts(wire: Wire): Promise<void> {
  for (const ask of await wire.primaries()) {
    await Promise.all(Object.values(SCRIPTS).map((text) => ask(['SCRIPT', 'LOAD', text])))
  }
}

/**
 * A record is used by each read and its user's index by changes only, so the server takes the index first: then the session
 * is open and cannot be found by its user. Without a limit to its memory (maxmemory 0) a server evicts nothing.
 */
async function evictionOf(ask: Ask): Promise<{ readonly isPossible: boolean; readonly words: string } | undefined> {
  const memory = await memoryOf(ask)
  const policy = (await settingOf(ask, 'maxmemory-policy')) ?? memory.get('maxmemory_policy')
  if (policy === undefined || policy === 'noeviction') return undefined
  const isPossible = ((await settingOf(ask, 'maxmemory')) ?? memory.get('maxmemory')) !== '0'
  const when = isPossible ? 'a full server removes' : 'with a maxmemory (it has none now) a full server would remove'
  return {
    isPossible,
    words:
      `maxmemory-policy is ${policy}: ${when} the lists of users' sessions, and then these users cannot be signed out ` +
      'everywhere; set it to noeviction, or insist with allowEviction: true',
  }
}

/** The fields of `INFO memory`, which hosted servers answer where they refuse `CONFIG`. */
async function memoryOf(ask: Ask): Promise<ReadonlyMap<string, string>> {
  const text: unknown = await ask(['INFO', 'memory']).catch(() => undefined)
  const fields = typeof text === 'string' ? text.matchAll(/^(\w+):(.*?)\r?$/gm) : []
  return new Map([...fields].map(([, name = '', value = '']) => [name, value]))
}

async function warningsOf(ask: Ask, persistence: RedisPersistence): Promise<readonly string[]> {
  const isAppending = await settingOf(ask, 'appendonly')
  const fsync = await settingOf(ask, 'appendfsync')
  const role: unknown = await ask(['ROLE']).catch(() => undefined)
  return [
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
