import type { RequestFacts } from '../../core/web/carrier.ts'
import { SessionError } from '../../core/errors.ts'
import type { Session } from '../../core/session.ts'
import type { Sessions } from '../../core/sessions.ts'
import { openTogether } from './open-together.ts'

/** What a request has when it has a session; to tell a framework's types so, once in a program. */
export interface WithSession<Data extends object> {
  readonly session: Session<Data>
}

// Registered, so that two installed copies of this package see each other's work on a request.
const SESSIONS: unique symbol = Symbol.for('sojourn.sessions')

/** What one manager has opened for a request, and what others have opened before it. */
interface Opened {
  readonly sessions: unknown
  readonly session: unknown
  readonly before: Opened | undefined
}

/** What lives as long as the request. */
type Holder = object & { [SESSIONS]?: Opened }

/** The session that a manager has opened for a request, if it has. `holder` is what lives as long as the request. */
export function openedOn<Data extends object>(sessions: Sessions<Data>, holder: Holder): Session<Data> | undefined {
  let opened = holder[SESSIONS]
  while (opened !== undefined && opened.sessions !== sessions) opened = opened.before
  // Under a manager there are only sessions of that manager: `keepOn` is the one place that puts them there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return opened?.session as Session<Data> | undefined
}

/** The session of the manager that opened one first; what the name `session` means on a request. */
export function firstOpenedOn(holder: Holder): unknown {
  let opened = holder[SESSIONS]
  while (opened?.before !== undefined) opened = opened.before
  return opened?.session
}

/**
 * Keeps a session with its request, and under the name `session`, unless another manager or library has that. It is an own
 * property, because whoever mounts an application may give the request another prototype; with one descriptor for all it
 * costs 0.1 microseconds.
 */
export function keepOn<Data extends object>(sessions: Sessions<Data>, holder: Holder, session: Session<Data>): void {
  keepBeside(sessions, holder, session)
  if (!('session' in holder)) Object.defineProperty(holder, 'session', SHOWN)
}

const SHOWN: PropertyDescriptor = {
  enumerable: true,
  get(this: Holder) {
    return firstOpenedOn(this)
  },
  set() {
    throw new TypeError('session: it cannot be replaced; change session.data, or call session.destroy()')
  },
}

// A list, assigned like any property: with a Map and Reflect.set it cost 3 microseconds of an anonymous visit.
function keepBeside(sessions: unknown, holder: Holder, session: unknown): void {
  holder[SESSIONS] = { sessions, session, before: holder[SESSIONS] }
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
    return await openTogether(sessions, await facts)
  } catch (error) {
    throw dress(error)
  }
}

/** For frameworks of callbacks. */
export function openThen<Data extends object>(
  sessions: Sessions<Data>,
  facts: RequestFacts,
  start: (session: Session<Data>) => void | Promise<void>,
  refuse: (error: unknown) => void,
): void {
  openTogether(sessions, facts).then(start).catch(refuse)
}
