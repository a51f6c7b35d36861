import { SessionError } from '../../core/errors.ts'
import { isAbout, reopen, watchStoreOf } from '../../core/reopen.ts'
import type { Session } from '../../core/session.ts'
import type { Sessions } from '../../core/sessions.ts'
import type { Watch, Watched } from './watch.ts'

/** A session on a connection that outlasts its request. */
export interface LiveSession<Data extends object> {
  /** The data as they were when this session was last used or looked at; to read. What is written here is lost. */
  readonly data: Readonly<Data>
  /** The user, if one is signed in. */
  readonly subject: string | undefined
  /** The session's public name. */
  readonly handle: string | undefined
  /** Whether the session is known to have ended. */
  readonly hasEnded: boolean
  /**
   * For each message that matters: loads the session as it is now, calls `fn` with it as the current one, and saves what
   * `fn` changed, also when `fn` throws. No response can carry a new token, so `login`, `elevate`, `rotate` and
   * `logout({ keep })` are refused; `destroy` and `logout` end the session.
   * @throws SessionError `gone` when the session has ended, and nothing was written; the store's errors.
   */
  use<R>(fn: (session: Session<Data>) => R | Promise<R>): Promise<R>
  /**
   * Asks the store whether the session still lives.
   * @throws SessionError when the store cannot tell.
   */
  isAlive(): Promise<boolean>
  /**
   * Calls back once when the session has ended, so that the connection can be closed; at once if it has already. From the
   * first call on the session is watched, until it ends or {@link LiveSession.release} is called.
   */
  onEnd(listener: () => unknown): void
  /** The connection has closed: the session is watched no more, and no listener is called. */
  release(): void
}

/** What a live session knows of itself. */
interface Line<Data extends object> {
  readonly sessions: Sessions<Data>
  readonly watch: Watch
  readonly watched: Watched
  readonly listeners: Set<() => unknown>
  current: Session<Data>
  hasEnded: boolean
  isReleased: boolean
  /** Looks at the store that were begun, and which of them gave `current`. */
  begun: number
  shown: number
}

/** The live session that begins with what was found at the handshake. */
export function liveSession<Data extends object>(
  sessions: Sessions<Data>,
  found: Session<Data>,
  watch: Watch,
): LiveSession<Data> {
  const line = newLine(sessions, found, watch)
  const { watched, listeners } = line
  return {
    get data() {
      return line.current.data
    },
    // These do not change while a session lives.
    subject: found.subject,
    handle: found.handle,
    get hasEnded() {
      return line.hasEnded
    },
    use: (fn) => use(line, fn),
    async isAlive() {
      await look(line)
      return !line.hasEnded
    },
    onEnd(listener) {
      if (line.hasEnded) return tell(listener)
      if (line.isReleased) return
      listeners.add(listener)
      watch.add(watched)
    },
    release() {
      line.isReleased = true
      listeners.clear()
      watch.delete(watched)
    },
  }
}

function newLine<Data extends object>(sessions: Sessions<Data>, found: Session<Data>, watch: Watch): Line<Data> {
  const { reference, subject } = found
  const line: Line<Data> = {
    sessions,
    watch,
    watched: {
      reference,
      subject,
      check: () => look(line),
      isMeant: (notice) => isAbout(notice, line.current),
      watchStore: (listener) => watchStoreOf(found, listener),
    },
    listeners: new Set(),
    current: found,
    hasEnded: false,
    isReleased: false,
    begun: 0,
    shown: 0,
  }
  return line
}

async function use<Data extends object, R>(
  line: Line<Data>,
  fn: (session: Session<Data>) => R | Promise<R>,
): Promise<R> {
  const session = await reopened(line)
  if (session === undefined) throw goneError()
  let result: R
  try {
    result = await line.sessions.run(session, () => fn(session))
  } catch (error) {
    // As in a request: what was done before is kept, and this error is the one to tell.
    await save(line, session).catch(() => undefined)
    throw error
  }
  await save(line, session)
  return result
}

async function save<Data extends object>(line: Line<Data>, session: Session<Data>): Promise<void> {
  const wasThere = session.handle !== undefined
  try {
    await session.commit()
  } finally {
    if (session.handle === undefined) end(line)
  }
  if (session.handle !== undefined) return show(line, session, ++line.begun)
  if (wasThere) throw goneError()
}

async function look<Data extends object>(line: Line<Data>): Promise<void> {
  const turn = ++line.begun
  const session = await reopened(line)
  if (session !== undefined) show(line, session, turn)
}

async function reopened<Data extends object>(line: Line<Data>): Promise<Session<Data> | undefined> {
  const session = line.hasEnded ? undefined : await reopen(line.current)
  if (session === undefined) end(line)
  return line.hasEnded ? undefined : session
}

// Of two looks the one that began later counts, in whatever order they are answered.
function show<Data extends object>(line: Line<Data>, session: Session<Data>, turn: number): void {
  if (turn < line.shown) return
  line.shown = turn
  line.current = session
}

function end<Data extends object>(line: Line<Data>): void {
  if (line.hasEnded) return
  line.hasEnded = true
  line.watch.delete(line.watched)
  for (const listener of line.listeners) tell(listener)
}

// Whatever a listener does wrong must not keep the others from being told, nor end the process.
function tell(listener: () => unknown): void {
  Promise.resolve().then(listener).catch(console.error)
}

function goneError(): SessionError {
  return new SessionError('gone', 'session: it has ended; nothing was written, and the connection should be closed')
}
