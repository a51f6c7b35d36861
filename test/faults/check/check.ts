import type { Begun, Ended, Entry, TokenNumber, Window } from '../history.ts'
import type { DeedKind } from '../requests.ts'
import { checkGiven, checkTaken, compareData, traceOf } from './data.ts'
import type { Finding, FindingKind, Verdict } from './findings.ts'
import type { Death, Life, Op, Session, Token } from './model.ts'
import { earlier, isDueDead, mayPrecede, newLife } from './model.ts'
import type { User, UserGround } from './users.ts'
import { compareList, mayBeEnded, mayBeEndedLate, mayBeEvicted, mayRefuse, newUser } from './users.ts'

/** Reads a history entry by entry, and judges it. */
export interface Checker {
  read(entry: Entry): void
  verdict(): Verdict
}

/** Deeds after which the old token must open nothing; all but the first two end the session too. */
const REPLACING: ReadonlySet<DeedKind> = new Set(['rotate', 'elevate', 'endOthers', 'login', 'logout'])
const ENDING: ReadonlySet<DeedKind> = new Set(['login', 'logout', 'destroy', 'endOthers'])
const DECISIVE: ReadonlySet<DeedKind> = new Set([...REPLACING, 'enter', 'destroy', 'end', 'endAll'])
/** More than clocks of one machine differ by, and a commit takes. */
const MARGIN_MS = 250

/** What the checker must know of the store before the first entry is read. */
export interface Announced {
  /** Times of announced loss. */
  readonly windows?: readonly Window[]
  /**
   * A sign-in that was not answered may have made its session and left the old one alive, and its session may go again:
   * they lie on different servers, and there is no step for both. Between the two a limit may be exceeded by it.
   */
  readonly signsInByHops?: boolean
}

export function createChecker({ windows = [], signsInByHops = false }: Announced = {}): Checker {
  const ops = new Map<number, Op>()
  const lives = new Map<string, Life>()
  const tokens = new Map<TokenNumber, Token>()
  const users = new Map<string, User>()
  const findings: Finding[] = []
  const acknowledged = new Map<string, number>()
  const results = { done: 0, refused: 0, unknown: 0 }
  const happened = new Set<Op>()
  const endedLate = new Set<Session>()
  let orphans = 0
  let place = 0
  let comparisons = 0
  let inWindow = 0
  let lostInWindow = 0

  const report = (kind: FindingKind, { op, deed }: Op, detail: string): void =>
    void findings.push({ kind, op, detail: `${deed.kind}: ${detail}` })
  const isExcused = ({ result, endedTime, deed }: Op): boolean =>
    result === 'done' &&
    windows.some(
      ({ from, to, loses }) => endedTime >= from && endedTime <= to && (loses === 'all' || !DECISIVE.has(deed.kind)),
    )
  const isLossy = ({ endedTime }: Op): boolean => windows.some(({ from, to }) => endedTime >= from && endedTime <= to)
  const ground: UserGround = {
    report,
    isExcused,
    isLossy,
    signsInByHops,
    lostInWindow: () => void lostInWindow++,
    happened: (op) => void happened.add(op),
    endedLate: (session) => void endedLate.add(session),
    discover: (user, signIn, handle, seenBy) => {
      if (signIn.result !== 'unknown') orphans++
      else happened.add(signIn)
      // It may have been seen before it was confirmed; and of two steps the first is undone when the second fails.
      const isHop = signsInByHops && signIn.token !== undefined && signIn.token.session.subject !== user.name
      if (isLossy(seenBy) || isHop) return
      newSession({ life: undefined, user, handle, born: signIn, thereSince: seenBy.endedAt })
      // What it was made from must be dead: otherwise one sign-in has made two of one.
      if (signIn.result === 'unknown' && signIn.token !== undefined)
        kill(signIn.token, { at: seenBy.endedAt, time: -Infinity, means: 'forked' })
    },
  }

  const userOf = (name: string): User => {
    const user = users.get(name) ?? newUser(name)
    users.set(name, user)
    return user
  }
  const newSession = (made: {
    life: Life | undefined
    user: User | undefined
    handle: string | undefined
    born: Op
    thereSince: number
  }): Session => {
    const { user, ...rest } = made
    const session: Session = {
      ...rest,
      subject: user?.name,
      placedAt: made.born.begunAt,
      tokens: [],
      enders: new Set(),
      replacers: new Set(),
      mayBeEmpty: false,
      lateBefore: undefined,
      death: undefined,
    }
    if (made.handle !== undefined) user?.sessions.set(made.handle, session)
    return session
  }
  const issue = (number: TokenNumber, session: Session, issuer: Op, level: number): void => {
    const token: Token = { number, session, issuer, level, issuedAt: issuer.endedAt, death: undefined }
    session.tokens.push(token)
    tokens.set(number, token)
  }
  const kill = (token: Token, death: Death): void => {
    token.death = earlier(token.death, death)
  }
  const end = (session: Session, death: Death): void => {
    session.death = earlier(session.death, death)
  }

  const begin = (entry: Begun): void => {
    const { deed } = entry
    const token = entry.token === undefined ? undefined : tokens.get(entry.token)
    const op: Op = {
      op: entry.op,
      deed,
      ...(token && { token }),
      begunAt: place,
      begunTime: entry.at,
      endedAt: Infinity,
      endedTime: Infinity,
      result: 'under way',
    }
    ops.set(entry.op, op)
    const life = token?.session.life
    const trace = traceOf(op)
    if (trace !== undefined) life?.changes.set(trace, op)
    if (deed.kind === 'increment') life?.increments.push(op)
    if (deed.kind === 'take' && life !== undefined) {
      life.takes.set(deed.gift, [...(life.takes.get(deed.gift) ?? []), op])
    }
    if (REPLACING.has(deed.kind)) token?.session.replacers.add(op)
    if (ENDING.has(deed.kind)) token?.session.enders.add(op)
    if ('subject' in deed) beginWithUser(userOf(deed.subject), op)
    if (deed.kind === 'elevate' && token?.session.subject !== undefined) userOf(token.session.subject).placings.push(op)
  }
  const beginWithUser = (user: User, op: Op): void => {
    const { deed } = op
    if (deed.kind === 'login' || deed.kind === 'enter') {
      user.placings.push(op)
      user.signIns.set(op.op, op)
    }
    if (deed.kind === 'end') user.sessions.get(deed.handle)?.enders.add(op)
    if (deed.kind === 'endAll' || deed.kind === 'endOthers') user.sweepers.push(op)
  }

  const finish = (entry: Ended): void => {
    const op = ops.get(entry.op)
    if (op === undefined) throw new Error(`history: operation ${entry.op} ends without a beginning`)
    ops.delete(entry.op)
    const { answer } = entry
    op.endedAt = place
    op.endedTime = entry.at
    op.result = answer.result
    results[answer.result]++
    if (answer.result === 'done') acknowledged.set(op.deed.kind, (acknowledged.get(op.deed.kind) ?? 0) + 1)
    if (isExcused(op) && op.deed.kind !== 'look') inWindow++
    if (op.token !== undefined) compare(op, op.token, answer)
    if (answer.list !== undefined && 'subject' in op.deed) {
      comparisons++
      compareList(ground, userOf(op.deed.subject), answer.list, op)
    }
    if (answer.result === 'refused') refuse(op, answer.code)
    if (answer.result === 'done') settle(op, answer)
  }

  /** What the token opened. */
  const compare = (op: Op, token: Token, { opened, view }: Ended['answer']): void => {
    if (opened === 'nothing') {
      comparisons++
      foundDead(op, token)
    }
    if (opened !== 'live' || view === undefined) return
    comparisons++
    const { session } = token
    const death = isDueDead(token.death, op) ? token.death : session.death
    if (isDueDead(death, op)) report(death.means, op, `token ${token.number} of ${session.life?.name}`)
    if (view.owner === undefined) foundEmpty(session)
    if (view.owner !== session.life?.name && !(view.owner === undefined && session.mayBeEmpty)) {
      report("another's data", op, `token ${token.number} of ${session.life?.name} shows ${view.owner}`)
      return
    }
    if (view.subject !== session.subject || view.level !== token.level) {
      const given = `${session.subject ?? 'nobody'} at level ${token.level}`
      const detail = `token ${token.number} was given out for ${given}, and opens ${view.subject} at level ${view.level}`
      report('privilege under an old token', op, detail)
    }
    if (session.life !== undefined) compareData(ground, session.life, view, op)
  }

  const foundEmpty = (session: Session): void => {
    if (session.lateBefore === undefined) return
    endedLate.add(session.lateBefore)
    session.lateBefore = undefined
    session.mayBeEmpty = true
    if (session.life !== undefined) loosen(session.life)
  }

  const foundDead = (op: Op, token: Token): void => {
    const { session } = token
    const user = session.subject === undefined ? undefined : userOf(session.subject)
    const isReplaced = [...session.replacers].some(
      (each) =>
        (each !== op || op.result === 'unknown') &&
        each !== token.issuer &&
        mayPrecede(each, op) &&
        each.endedAt > token.issuer.begunAt,
    )
    const isEnded =
      mayBeEnded(user, session, op) ||
      (user !== undefined && mayBeEvicted(user, session, op)) ||
      session.death !== undefined
    if (!isReplaced && !isEnded && token.death === undefined) {
      if (isExcused(token.issuer)) lostInWindow++
      else if (user !== undefined && mayBeEndedLate(user, session)) endedLate.add(session)
      else report(session.subject === undefined ? 'session lost' : 'sign-in lost', op, `token ${token.number}`)
    }
    if (isLossy(op)) return
    const death: Death = { at: op.endedAt, time: -Infinity, means: 'revived' }
    kill(token, death)
    if (!isReplaced) end(session, death)
  }

  const refuse = (op: Op, code: string | undefined): void => {
    const { token, deed } = op
    const isGone = code === 'gone' || code === 'superseded'
    // Sent twice, it may have been done by the attempt that was not answered, and its new session have ended since. A
    // rotation leaves the session its name, by which it must be in the list, or have been ended.
    if (token !== undefined && isGone && (deed.kind === 'login' || deed.kind === 'logout')) op.result = 'unknown'
    else {
      token?.session.enders.delete(op)
      token?.session.replacers.delete(op)
    }
    const trace = traceOf(op)
    if (trace !== undefined && token?.session.life?.seen.has(trace) === true) {
      report('applied though refused', op, trace)
    }
    // These two refuse whoever comes with a token that was rotated already, and within the grace it opens the session on.
    const isLate = code === 'superseded' && (deed.kind === 'elevate' || deed.kind === 'endOthers')
    // It opened, and had ended or was replaced by the time it came to writing.
    if (token !== undefined && isGone && !isLate) foundDead(op, token)
    if (code === 'subject-limit' && 'subject' in deed && !mayRefuse(userOf(deed.subject), op)) {
      report('limit not kept', op, `${deed.subject} was refused a sign-in without need`)
    }
  }

  const settle = (op: Op, { token: number, handle, count, got }: Ended['answer']): void => {
    const { deed, token } = op
    const session = token?.session
    const life = 'life' in deed ? (lives.get(deed.life) ?? newLife(deed.life)) : session?.life
    if (life !== undefined) lives.set(life.name, life)
    if (life !== undefined && count !== undefined) checkGiven(ground, life, count, op)
    if (life !== undefined && deed.kind === 'take' && got === true) checkTaken(ground, life, deed.gift, op)
    if (token !== undefined && session !== undefined) settleOld(op, session, number)
    settleOthers(op, got)
    if (number === undefined) return
    const subject = 'subject' in deed ? deed.subject : undefined
    const isOther =
      deed.kind === 'elevate' || deed.kind === 'rotate' || deed.kind === 'endOthers' || session === undefined
    if (session !== undefined && isOther) {
      if (deed.kind === 'elevate') session.placedAt = op.begunAt
      const level = deed.kind === 'elevate' ? 2 : token!.level
      return issue(number, session, op, level)
    }
    const user = subject === undefined ? undefined : userOf(subject)
    const made = newSession({ life, user, handle, born: op, thereSince: op.endedAt })
    made.mayBeEmpty = session?.mayBeEmpty === true
    if (session !== undefined) settleData(op, session, made)
    issue(number, made, op, user === undefined ? 0 : 1)
  }

  /** What is true of the session that the request came with, now that it is done. */
  const settleOld = (op: Op, session: Session, issued: TokenNumber | undefined): void => {
    const { deed } = op
    if (isExcused(op)) return
    // Two that replace one token at a time: which of them was last is not known.
    const isAlone = ![...session.replacers].some(
      (each) => each !== op && mayPrecede(each, op) && each.endedAt > op.begunAt,
    )
    const hasDoubt = [...session.replacers].some((each) => each !== op && each.result === 'unknown')
    if (REPLACING.has(deed.kind) || deed.kind === 'destroy') {
      const isGraceful = deed.kind === 'rotate' && deed.grace > 0
      // A rotation with a grace leaves it to another that came first, and then hands out no token.
      if (deed.kind !== 'rotate' || issued !== undefined) {
        const time = isGraceful ? op.endedTime + deed.grace + MARGIN_MS : -Infinity
        for (const older of session.tokens) {
          if (older.issuedAt < op.begunAt) kill(older, { at: op.endedAt, time, means: 'old token opens' })
        }
      }
    }
    const endsIt = deed.kind === 'login' || deed.kind === 'logout' || deed.kind === 'destroy'
    if (endsIt && isAlone && !hasDoubt) end(session, { at: op.endedAt, time: -Infinity, means: 'revived' })
    // Its own name is in no doubt, whatever became of its token.
    if (deed.kind === 'endOthers' && issued !== undefined) session.enders.delete(op)
  }

  /** The session may have been ended under the hands of this login or logout, which then begins with nothing. */
  const settleData = (op: Op, before: Session, made: Session): void => {
    const user = before.subject === undefined ? undefined : userOf(before.subject)
    if (user === undefined) return
    if (mayBeEnded(user, before, op) || mayBeEvicted(user, before, op)) {
      made.mayBeEmpty = true
      if (made.life !== undefined) loosen(made.life)
    } else if (mayBeEndedLate(user, before)) made.lateBefore = before
  }
  const loosen = (life: Life): void => {
    for (const change of [...life.changes.values(), ...life.increments]) {
      if (change.result === 'done') change.result = 'loose'
    }
    life.looseUntil = place
    life.seen.clear()
    life.counts.splice(0)
    life.given.clear()
  }

  /** What is true of the user's other sessions, now that it is done. */
  const settleOthers = (op: Op, got: boolean | undefined): void => {
    const { deed } = op
    if (!('subject' in deed) || isExcused(op)) return
    const user = userOf(deed.subject)
    const death: Death = { at: op.endedAt, time: -Infinity, means: 'revived' }
    if (deed.kind === 'end') {
      // Also where it says that there was none: an attempt without an answer may have ended it before the one that said so.
      const session = user.sessions.get(deed.handle)
      if (session !== undefined && (got === true || session.thereSince < op.begunAt)) end(session, death)
    }
    if (deed.kind !== 'endAll' && deed.kind !== 'endOthers') return
    for (const session of user.sessions.values()) {
      if (session.thereSince < op.begunAt && session !== op.token?.session) end(session, death)
    }
  }

  return {
    read(entry) {
      place++
      if (entry.type === 'begun') begin(entry)
      else if (entry.type === 'ended') finish(entry)
      else findings.push({ kind: 'complaint', op: -1, detail: entry.text })
    },
    verdict: () => ({
      findings,
      tally: {
        operations: results.done + results.refused + results.unknown,
        ...results,
        acknowledged,
        happenedAllTheSame: happened.size,
        orphans,
        endedLate: endedLate.size,
        tokens: tokens.size,
        comparisons,
        inWindow,
        lostInWindow,
      },
    }),
  }
}
