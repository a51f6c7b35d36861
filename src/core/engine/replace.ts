import type { Contest } from './contest.ts'
import { newContest } from './contest.ts'
import { deadMark, endState, endUnreadable } from './end.ts'
import { SessionError } from '../errors.ts'
import type { StoreKey } from '../key.ts'
import { partitionOfKey, partitionOfSubject, storeKeyOf } from '../key.ts'
import type { NewRecord, RecordContent } from './insert.ts'
import { capFor, handOut, insertState, isStored, limitError, recordOf, reportEvicted } from './insert.ts'
import { endedError, tellLoss } from './lost.ts'
import { newBinding } from './open.ts'
import type { Meta } from '../record.ts'
import { authenticatedAgain, newHandle, referenceOf } from '../record.ts'
import { maxBytesOf } from './pending.ts'
import { saveState } from './save.ts'
import { secretOf } from './secret.ts'
import type { Live, State } from './state.ts'
import { requireOneToken, requirePresentToken } from './state.ts'
import type { RotateResult, SubjectCap, Tombstone } from '../store.ts'
import { subjectNameOf } from '../subject-key.ts'
import type { SignIn } from '../sign-in.ts'
import { readElevation, readSignIn } from '../sign-in.ts'
import type { Token } from '../token.ts'
import { mintToken } from '../token.ts'
import { goOn, tryAgain } from './update.ts'
import type { ElevateOptions, LoginOptions } from '../verbs.ts'

/** What a replacement of the token is. */
interface Plan {
  /** For how long the old token leads on to the new one, in milliseconds; with 0 it opens nothing from now on. */
  readonly grace: number
  /** Whether to go on when another request has just rotated the same session. */
  readonly goesOn: boolean
  /** What the record under the new token holds. Called again after each merge. */
  readonly successor: (live: Live, now: number) => RecordContent
}

/** So many marks may lead to one session at a time: rotating in a loop must not fill the store (DOS-20). */
const MAX_MARKS = 4

/** Replaces the token; the data stay. For the time of `grace` the old token reaches the same session. */
export async function rotateState<Data extends object>(state: State<Data>, grace: number): Promise<'rotated' | 'gone'> {
  const outcome =
    grace > 0 && isJustReplaced(state)
      ? 'moved'
      : await replaceToken(state, {
          grace,
          // Without grace the token is replaced for safety's sake: that another request has done it first is not enough.
          goesOn: grace === 0,
          successor: (live, now) => ({
            ...live.record,
            meta: {
              ...live.meta,
              rotatedAt: now,
              marks: grace === 0 ? undefined : [...marksOn(live, now), now + grace],
              secret: secretOf(state),
            },
            text: state.document.encode(maxBytesOf(state, live.record.subject)),
          }),
        })
  if (outcome !== 'moved') return outcome
  // The token is as good as new, here or in another request's response; what was changed here goes to the same place.
  await saveState(state)
  return 'rotated'
}

function isJustReplaced<Data extends object>(state: State<Data>): boolean {
  const { live, engine } = state
  if (live === undefined) return false
  return live.isGraceful || isUntold(state) || marksOn(live, engine.config.now()).length >= MAX_MARKS
}

/** Whether this request has made the token, and no response has told it yet. */
function isUntold<Data extends object>({ live, presentedKey, isCommitted }: State<Data>): boolean {
  return live !== undefined && !live.isGraceful && live.key !== presentedKey && !isCommitted
}

function marksOn({ meta }: Live, now: number): readonly number[] {
  return (meta.marks ?? []).filter((until) => until > now)
}

/** What lies under the old key afterwards. A token that was handed out always leaves a mark: requests may be under way. */
function markFor<Data extends object>(
  state: State<Data>,
  live: Live,
  { grace, now, to }: { readonly grace: number; readonly now: number; readonly to: StoreKey },
): Tombstone | undefined {
  if (grace > 0) return { state: 'moved', to, expiresAt: now + grace }
  const isUnknown = isUntold(state) && marksOn(live, now).length === 0
  return isUnknown ? undefined : deadMark(now)
}

/** Attaches a subject: a new session begins under a new token, and the old token is dead in the same step. */
export async function loginState<Data extends object>(
  state: State<Data>,
  subject: string,
  options: LoginOptions<Data>,
): Promise<void> {
  const signIn = readSignIn(options)
  if (!state.carrier.carriesSubjects) {
    throw new SessionError(
      'carrier-forbidden',
      `session: the ${state.carrier.name} carrier may not carry a signed-in session`,
    )
  }
  requireOneToken(state)
  const successor = (_live: Live | undefined, now: number): RecordContent => ({
    handle: newHandle(),
    subject,
    createdAt: now,
    meta: loginMeta(state, signIn, now),
    text: keptText(state, options.keep, subject),
  })
  const outcome = state.phase === 'live' ? await replaceToken(state, { grace: 0, goesOn: true, successor }) : 'none'
  if (outcome === 'gone' && state.phase === 'superseded') throw endedError('superseded')
  if (state.hasLost && options.keep !== undefined && options.keep.length > 0) tellLoss(state)
  // The visitor has just proved who it is, so an anonymous session that ended meanwhile does not stand in the way.
  if (outcome !== 'rotated') {
    const { text, meta } = successor(undefined, state.engine.config.now())
    await insertAnew(state, { text, subject, meta })
  }
  state.idle = undefined
  state.document.reset(state.live?.record.data)
  state.hasLost = false
  state.engine.emitter.emit('login', { reference: referenceOf(state.handle), subject: nameOf(state, subject) })
}

/** Makes a session that owes nothing to what the request came with. When that fails the request is as it was. */
async function insertAnew<Data extends object>(state: State<Data>, content: NewRecord): Promise<void> {
  const { phase, isStarted, unreadableKey } = state
  state.phase = 'fresh'
  state.token = undefined
  state.handle = undefined
  try {
    await insertState(state, content)
  } catch (error) {
    // Where the token had been replaced, no cookie may follow from what the request does next (RACE-9).
    state.phase = phase
    state.isStarted = isStarted
    throw error
  }
  state.unreadableKey = undefined
  if (unreadableKey !== undefined) await endUnreadable(state, unreadableKey)
}

function loginMeta<Data extends object>(state: State<Data>, signIn: SignIn, now: number): Meta {
  const { level, factors, label, idpSession, absolute, lifetime, persistent } = signIn
  return {
    authentication: authenticatedAgain({ label, idpSession }, now, level, factors),
    binding: newBinding(state),
    until: absolute === undefined ? undefined : now + absolute,
    idle: lifetime ?? state.idle,
    lifetime,
    persistent,
  }
}

function keptText<Data extends object>(
  state: State<Data>,
  keep: LoginOptions<Data>['keep'],
  subject: string | undefined,
): string {
  const maxBytes = maxBytesOf(state, subject)
  if (keep === 'all') return state.document.encode(maxBytes)
  const data = { ...state.engine.config.rules.initial() }
  for (const key of keep ?? []) {
    const present = state.document.content.data
    if (Object.hasOwn(present, key)) data[key] = present[key]
  }
  return state.document.encode(maxBytes, { data, flashes: [] })
}

/** Writes down that the user has authenticated again: new token, both clocks begin anew (NIST SP 800-63B-4 5.2). */
export async function elevateState<Data extends object>(state: State<Data>, options: ElevateOptions): Promise<void> {
  const subject = state.live?.record.subject
  if (subject === undefined) {
    throw new SessionError('no-session', 'elevate: nobody is signed in here; call login first')
  }
  const { level, factors } = readElevation(options)
  requirePresentToken(state)
  const outcome = await replaceToken(state, {
    grace: 0,
    goesOn: true,
    successor: (live, now) => ({
      ...live.record,
      createdAt: now,
      meta: {
        ...live.meta,
        authentication: authenticatedAgain(live.meta.authentication, now, level, factors),
        rotatedAt: now,
        marks: undefined,
        secret: undefined,
      },
      text: state.document.encode(maxBytesOf(state, subject)),
    }),
  })
  if (outcome !== 'rotated') throw endedError(state.phase === 'superseded' ? 'superseded' : 'gone')
  state.engine.emitter.emit('elevated', { reference: referenceOf(state.handle), subject: nameOf(state, subject) })
}

/** Ends the user's session and begins an anonymous one that keeps some of the data. */
export async function logoutKeeping<Data extends object>(
  state: State<Data>,
  keep: NonNullable<LoginOptions<Data>['keep']>,
): Promise<void> {
  const subject = state.live?.record.subject
  const reference = referenceOf(state.handle)
  const outcome = await replaceToken(state, {
    grace: 0,
    goesOn: true,
    successor: (_live, now) => ({
      handle: newHandle(),
      createdAt: now,
      meta: { binding: newBinding(state) },
      text: keptText(state, keep, undefined),
    }),
  })
  if (outcome !== 'rotated') return endState(state, 'fresh')
  state.document.reset(state.live?.record.data)
  state.engine.emitter.emit('destroyed', {
    reference,
    subject: subjectNameOf(state.engine.config.namespace, subject),
  })
}

/** `moved`: another request has rotated the session, and the plan was to leave it at that. */
async function replaceToken<Data extends object>(
  state: State<Data>,
  plan: Plan,
): Promise<'rotated' | 'gone' | 'moved'> {
  let contest: Contest | undefined
  for (;;) {
    const { live } = state
    if (live === undefined) return 'gone'
    const [{ token, next }, result] = await rotateStored(state, plan, live)
    if (result.outcome === 'limit') throw limitError()
    if (result.outcome === 'rotated') {
      state.token = token
      handOut(state, next)
      state.engine.emitter.emit('rotated', { reference: referenceOf(next.record.handle) })
      reportEvicted(state, result.evicted)
      return 'rotated'
    }
    if (result.outcome !== 'exists') {
      if (!(await goOn(state, result))) return 'gone'
      if (result.outcome === 'gone' && !plan.goesOn) return 'moved'
    }
    contest ??= newContest()
    await tryAgain(contest)
  }
}

/** The successor of which the store says this. */
type Rotated = readonly [made: Successor, result: RotateResult]

/** Asks the store; once more after an attempt that was not answered, which may have been done, or one of its two steps. */
function rotateStored<Data extends object>(state: State<Data>, plan: Plan, live: Live): Promise<Rotated> {
  const { store, guard } = state.engine
  const rotate = async (made: Successor): Promise<Rotated> => {
    const { next, rest } = made
    return [made, await store.rotate(live.key, live.record.version, next.key, next.record, rest)]
  }
  const first = makeSuccessor(state, plan, live)
  const again = async (): Promise<Rotated> => {
    // Somebody may have seen the first new session and ended it since, and the same one must not live again (RACE-16).
    const second = await rotate(makeSuccessor(state, plan, live))
    const [made, { outcome }] = second
    if (outcome === 'gone') {
      const isDone = await isStored(store, first.next)
      // Which sessions the first attempt evicted nobody knows any more.
      return isDone ? [first, { outcome: 'rotated', evicted: [] }] : second
    }
    // The old session lived on, so all that the first can have left is one that nobody has the token of. A limit counts it.
    await store.delete(first.next.key).catch(() => undefined)
    return outcome === 'limit' ? rotate(made) : second
  }
  return guard.call('rotate', state, (isAgain) => (isAgain ? again() : rotate(first)))
}

/** What is to lie under a new token, and what the store must be told beside that. */
interface Successor {
  readonly token: Token
  readonly next: Live
  readonly rest: { readonly tombstone?: Tombstone; readonly cap?: SubjectCap }
}

function makeSuccessor<Data extends object>(state: State<Data>, plan: Plan, live: Live): Successor {
  const { config } = state.engine
  const now = config.now()
  const successor = plan.successor(live, now)
  const token = mintToken(partitionFor(live, successor.subject))
  const next: Live = {
    key: storeKeyOf(config.namespace, token),
    record: recordOf(state, live.record.version + 1, successor, now),
    meta: successor.meta,
    isGraceful: false,
  }
  const cap = capFor(state, successor.subject)
  const tombstone = markFor(state, live, { grace: plan.grace, now, to: next.key })
  return { token, next, rest: { ...(tombstone && { tombstone }), ...(cap && { cap }) } }
}

// Without a new subject the session stays on its shard, where replacing the key is one step.
function partitionFor(live: Live, subject: string | undefined): string {
  return subject === undefined ? partitionOfKey(live.key) : partitionOfSubject(subject)
}

function nameOf<Data extends object>(state: State<Data>, subject: string): string {
  return subjectNameOf(state.engine.config.namespace, subject)
}
