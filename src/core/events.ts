import { warn } from '#platform'

/** What each event tells. `reference` names a session in logs: it is neither token, nor store key, nor handle. */
export interface SessionEvents {
  /** A record was inserted. */
  created: { readonly reference: string }
  /** A user signed in. */
  login: { readonly reference: string; readonly subject: string }
  /** A signed-in user authenticated again. */
  elevated: { readonly reference: string; readonly subject: string }
  /** A session was ended by its own request, by `logout` or `destroy`. */
  destroyed: { readonly reference: string; readonly subject?: string | undefined }
  /** The token was replaced. */
  rotated: { readonly reference: string }
  /** Sessions were ended from outside: one, a user's, or everybody's. No `count` where it is not known. */
  revoked: { readonly subject?: string; readonly count?: number }
  /** The cap per subject ended older sessions. */
  evicted: { readonly subject: string; readonly count: number }
  /** A loaded session was past one of its limits; it was removed. */
  expired: { readonly reference: string }
  /** A well-formed token opened nothing: never issued, expired, or ended longer ago than marks are kept. */
  unknown: { readonly clientAddress?: string | undefined }
  /** A request presented a token that was replaced or ended a moment ago; it gets nothing. */
  superseded: Record<never, never>
  /** A save, touch or rotation found that its record had ended meanwhile; nothing was written. */
  gone: { readonly reference: string }
  /** Another request had changed the session; both were merged. `paths` had different values, and the later one won. */
  conflict: { readonly reference: string; readonly paths: readonly string[] }
  /** The token came from elsewhere than the session is bound to. */
  mismatch: { readonly reference: string; readonly clientAddress?: string | undefined }
  /** A request presented several different tokens under one name; none was used. */
  ambiguous: { readonly carrier: string; readonly clientAddress?: string | undefined }
  /**
   * Something stored could not be read; the store keeps it until the application changes the session. `data` tells what
   * the request has instead. `initial`: the user stays, and the data begin anew. `migrated`: the user stays, with the
   * data that `migrate` gave. `unopened`: the facts about the session are damaged or of a newer version, so it counts as
   * absent, with its user. No `reference` where the whole record is unreadable.
   */
  undecodable: {
    readonly reference?: string | undefined
    readonly data: 'initial' | 'migrated' | 'unopened'
    readonly error: unknown
  }
  /** A store call failed or took too long. */
  'store-error': { readonly store: string; readonly operation: string; readonly error: unknown }
  /** Five visitors in a row were failed by the store, and none was served; the first at the instant `since`. */
  outage: { readonly store: string; readonly since: number }
  /** The store has answered for the first time after an outage. */
  recovered: { readonly store: string; readonly since: number }
  /** A sweep has ended. */
  swept: { readonly removed: number }
  /** Something the developer should know; also given as a process warning, once. */
  warning: { readonly message: string }
}

/** The name of an event. */
export type SessionEventName = keyof SessionEvents

/** Called with what the event tells; must not throw, and what it throws is reported and ignored. */
export type SessionListener<Name extends SessionEventName> = (event: SessionEvents[Name]) => void

/** Hands events to listeners. */
export interface Emitter {
  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): () => void
  emit<Name extends SessionEventName>(name: Name, event: SessionEvents[Name]): void
  /** Whether anybody listens to it. */
  isHeard(name: SessionEventName): boolean
  /** Emits a `warning` and tells the platform, once for each message, of a thousand at most. */
  warn(message: string): void
}

// Some tell a name that a client may have chosen, as with Object.assign(session, request.body): they must not fill the memory.
const MOST_WARNINGS = 1000

/** Makes an emitter whose listeners cannot disturb the engine (CVE-2021-34428: a listener kept a session alive). */
export function createEmitter(): Emitter {
  const listeners = new Map<SessionEventName, Set<(event: never) => unknown>>()
  const warned = new Set<string>()
  const warnOnce = (message: string): boolean => {
    if (warned.has(message) || warned.size >= MOST_WARNINGS) return false
    warned.add(message)
    warn(`sojourn: ${message}`)
    return true
  }
  const emitter: Emitter = {
    on(name, listener) {
      const set = listeners.get(name) ?? new Set()
      listeners.set(name, set.add(listener))
      return () => void set.delete(listener)
    },
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) {
        const report = (error: unknown): unknown => warnOnce(ignored(name, error))
        try {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- under a name lie only listeners of that name
          const result = listener(event as never)
          // An asynchronous listener that fails must not end the process as an unhandled rejection.
          if (result instanceof Promise) result.catch(report)
        } catch (error) {
          report(error)
        }
      }
    },
    isHeard: (name) => (listeners.get(name)?.size ?? 0) > 0,
    warn(message) {
      if (warnOnce(message)) emitter.emit('warning', { message })
    },
  }
  return emitter
}

function ignored(name: SessionEventName, error: unknown): string {
  return `a listener of "${name}" threw ${error instanceof Error ? error.name : typeof error}; it was ignored`
}
