import type { RequestFacts } from '../../core/web/carrier.ts'
import { SessionError } from '../../core/errors.ts'
import type { Session } from '../../core/session.ts'
import type { Sessions } from '../../core/sessions.ts'

/** What a request has when it has a session; to tell a framework's types so, once in a program. */
export interface WithSession<Data extends object> {
  readonly session: Session<Data>
}

// Registered, so that two installed copies of this package see each other's work on a request.
const SESSIONS = Symbol.for('sojourn.sessions')

function openedMap(holder: object): Map<unknown, unknown> | undefined {
  const opened: unknown = Reflect.get(holder, SESSIONS)
  return opened instanceof Map ? opened : undefined
}

/** The session that a manager has opened for a request, if it has. `holder` is what lives as long as the request. */
export function openedOn<Data extends object>(sessions: Sessions<Data>, holder: object): Session<Data> | undefined {
  // Under a manager there are only sessions of that manager: `keepOn` is the one place that puts them there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return openedMap(holder)?.get(sessions) as Session<Data> | undefined
}

/** The session of the manager that opened one first; what the name `session` means on a request. */
export function firstOpenedOn(holder: object): unknown {
  return openedMap(holder)?.values().next().value
}

/** Keeps a session with its request, and under the name `session`, unless another manager or library has that. */
export function keepOn<Data extends object>(sessions: Sessions<Data>, holder: object, session: Session<Data>): void {
  const opened = openedMap(holder)
  if (opened !== undefined) opened.set(sessions, session)
  else Reflect.set(holder, SESSIONS, new Map([[sessions, session]]))
  if (!('session' in holder)) Object.defineProperty(holder, 'session', { value: session, enumerable: true })
}

/**
 * The session of a request on which the front must have worked before.
 * @throws SessionError `no-session`, saying what to install.
 */
export function requiredOn<Data extends object>(
  sessions: Sessions<Data>,
  holder: object,
  front: string,
): Session<Data> {
  const session = openedOn(sessions, holder)
  if (session !== undefined) return session
  throw new SessionError('no-session', `${front}: not installed for this request; app.use or app.register it`)
}

/** For frameworks of promises: opens the session, or throws what `dress` makes of the error. */
export async function openOr<Data extends object>(
  sessions: Sessions<Data>,
  facts: RequestFacts | Promise<RequestFacts>,
  dress: (error: unknown) => Error,
): Promise<Session<Data>> {
  try {
    return await sessions.open(await facts)
  } catch (error) {
    throw dress(error)
  }
}

/** For frameworks of callbacks: opens the session, and waits only when the store must be asked. */
export function openThen<Data extends object>(
  sessions: Sessions<Data>,
  facts: RequestFacts,
  start: (session: Session<Data>) => void,
  refuse: (error: unknown) => void,
): void {
  try {
    const opened = sessions.open(facts)
    if (opened instanceof Promise) void opened.then(start).catch(refuse)
    else start(opened)
  } catch (error) {
    refuse(error)
  }
}
