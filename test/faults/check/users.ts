import type { Listed } from '../requests.ts'
import { CAPS, managerFor } from '../requests.ts'
import type { Death, Op, Session } from './model.ts'
import { earlier, isDueDead, lastMoment, mayPrecede } from './model.ts'
import type { Ground } from './data.ts'

/** A user, and whatever has to do with the list of the user's sessions. */
export interface User {
  readonly name: string
  readonly sessions: Map<string, Session>
  /** Sign-ins and elevations: each may have placed a session above the older ones. */
  readonly placings: Op[]
  /** Sign-ins by number. */
  readonly signIns: Map<number, Op>
  /** What ends all of them, or all but the one that it came with. */
  readonly sweepers: Op[]
}

export function newUser(name: string): User {
  return { name, sessions: new Map(), placings: [], signIns: new Map(), sweepers: [] }
}

/** What the rules about lists need beyond those about data. */
export interface UserGround extends Ground {
  readonly signsInByHops: boolean
  /** Makes a session known that a list has shown and of whose sign-in no answer came. */
  readonly discover: (user: User, signIn: Op, handle: string, seenBy: Op) => void
  /** Counts a session that {@link mayBeEndedLate}. */
  readonly endedLate: (session: Session) => void
}

/** Whether the limit may have ended the session by the end of this request. */
export function mayBeEvicted(user: User, session: Session, asker: Op): boolean {
  const name = managerFor(user.name)
  if (name !== 'evict') return false
  const above = user.placings.filter((each) => mayPrecede(each, asker) && lastMoment(each) > session.placedAt)
  return above.filter((each) => each !== session.born).length >= CAPS[name]
}

/** Whether something else than the limit may have ended it. */
export function mayBeEnded(user: User | undefined, session: Session, asker: Op): boolean {
  const sweepers = (user?.sweepers ?? []).filter(({ token }) => token?.session !== session)
  const causes = [...session.enders, ...sweepers]
  return causes.some((each) => each !== asker && mayPrecede(each, asker) && lastMoment(each) > session.born.begunAt)
}

/** As long as a call may be held up on its way, in milliseconds. */
const LATE_MS = 5_000

/**
 * Whether a call that ends all sessions, and that was sent twice, may have ended it although it began after the answer:
 * by the one of the two that was not answered and arrived late.
 */
export function mayBeEndedLate(user: User, session: Session): boolean {
  return user.sweepers.some(
    ({ result, token, endedTime }) =>
      result === 'done' && token?.session !== session && endedTime > session.born.begunTime - LATE_MS,
  )
}

/** Compares a list of the user's sessions with what must and what can be in it. */
export function compareList(ground: UserGround, user: User, list: readonly Listed[], asker: Op): void {
  const shown = new Set<string>()
  for (const { handle, label } of list) {
    if (shown.has(handle)) ground.report('forked', asker, `one session twice in the list of ${user.name}`)
    shown.add(handle)
    checkListed(ground, user, handle, Number(label), asker)
  }
  const max = CAPS[managerFor(user.name)]
  const arriving = ground.signsInByHops ? arrivals(user, asker) : 0
  if (list.length > max + arriving) ground.report('limit not kept', asker, `${user.name} has ${list.length} sessions`)
  for (const session of user.sessions.values()) {
    if (!shown.has(session.handle ?? '')) checkUnlisted(ground, user, session, asker)
  }
}

/** Sign-ins that are between their two steps: the limit is applied in the second. */
function arrivals(user: User, asker: Op): number {
  const hops = user.placings.filter(({ token }) => token !== undefined && token.session.subject !== user.name)
  return hops.filter((each) => mayPrecede(each, asker) && lastMoment(each) > asker.begunAt).length
}

function checkListed(ground: UserGround, user: User, handle: string, label: number, asker: Op): void {
  const session = user.sessions.get(handle)
  if (session !== undefined) {
    if (isDueDead(session.death, asker)) ground.report('dead session in list', asker, `of ${user.name}`)
    return
  }
  const signIn = user.signIns.get(label)
  if (signIn === undefined) ground.report('forked', asker, `a session of ${user.name} that nobody signed in to`)
  else if ([...user.sessions.values()].filter(({ born }) => born === signIn).length > 1) {
    ground.report('forked', asker, `sign-in ${label} has led to two other sessions`)
  } else if (signIn.result !== 'under way') ground.discover(user, signIn, handle, asker)
}

function checkUnlisted(ground: UserGround, user: User, session: Session, asker: Op): void {
  if (session.thereSince >= asker.begunAt || session.death !== undefined) {
    if (session.death !== undefined && session.thereSince < asker.begunAt) session.death = dead(session, asker)
    return
  }
  if (!mayBeEnded(user, session, asker) && !mayBeEvicted(user, session, asker)) {
    if (ground.isExcused(session.born)) ground.lostInWindow(session.born)
    else if (mayBeEndedLate(user, session)) ground.endedLate(session)
    else ground.report('live session not in list', asker, `of ${user.name}, signed in by ${session.born.op}`)
  }
  if (!ground.isLossy(asker)) session.death = dead(session, asker)
}

function dead(session: Session, asker: Op): Death {
  return earlier(session.death, { at: asker.endedAt, time: -Infinity, means: 'revived' })
}

/** Whether the limit could refuse: there may have been as many sessions as it allows. */
export function mayRefuse(user: User, asker: Op): boolean {
  const discovered = new Set([...user.sessions.values()].map(({ born }) => born))
  const possible = [...user.sessions.values()].filter(({ death }) => !isDueDead(death, asker)).length
  const pending = user.placings.filter(
    (each) => mayPrecede(each, asker) && each !== asker && !discovered.has(each),
  ).length
  return possible + pending >= CAPS[managerFor(user.name)]
}
