import { SessionError } from '../../core/errors.ts'

/** The server does not know the script that it was asked to run. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

// TRYAGAIN for several keys of which one is elsewhere, the words for a key that a script had not declared, ASK where no
// client follows it. ioredis sends again by itself, and tells the last answer when it gives up.
const MOVING =
  /^(?:TRYAGAIN|ASK) |^Too many Cluster redirections\. Last error: \w+: (?:TRYAGAIN|ASK|MOVED) |Script attempted to access a non local key/

/** A Cluster is moving the keys to another server; what was asked was not done, and will be possible soon. */
export function isMoving(error: unknown): boolean {
  return error instanceof Error && MOVING.test(error.message)
}

/** What the store rejects with. */
export function asSessionError(error: unknown): Error {
  if (error instanceof SessionError || error instanceof TypeError) return error
  return new SessionError('store-unavailable', `redis: ${reasonOf(error)}`, { cause: withoutCommand(error) })
}

const REMEDIES: Readonly<Record<string, string>> = {
  NOPERM: 'the user of the client lacks a permission; docs/redis.md lists the commands, keys and channel',
  NOAUTH: 'the client must authenticate',
  WRONGPASS: 'the client must authenticate',
  OOM: 'the server is out of memory (maxmemory) and refuses writes',
  READONLY: 'the client is connected to a replica, or to a primary that was replaced',
  MISCONF: 'the server cannot save to its disk and refuses writes',
  NOREPLICAS: 'the server has too few replicas (min-replicas-to-write) and refuses writes',
  CLUSTERDOWN: 'the cluster does not serve all slots',
  CROSSSLOT: 'the server is a cluster; give the store a cluster client',
  MOVED: 'the server is a cluster; give the store a cluster client',
  LOADING: 'the server is still loading its data',
}

/** The code of the server's answer, or what the client says. Answers may repeat arguments: keys and data. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the client failed'
  if (isMoving(error)) return 'the cluster is moving the keys to another server, and nothing was done'
  const code = /^(?:ERR )?([A-Z]{2,})\b/.exec(error.message)?.[1]
  if (code === undefined) return /\bERR\b/.test(error.message) ? 'the server answered ERR' : error.message
  const remedy = REMEDIES[code]
  return remedy === undefined ? `the server answered ${code}` : `the server answered ${code}: ${remedy}`
}

/** The driver's error; ioredis hangs the whole command on it, and with it the data. */
function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) Reflect.deleteProperty(error, 'command')
  return error
}
