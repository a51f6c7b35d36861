import { pause } from '#platform'
import { SessionError } from '../errors.ts'
import { partitionOfSubject, storeKeyOf } from '../key.ts'
import { isOutage } from './guard.ts'
import { isChanged, lostError, noteLoss, tellLoss } from './lost.ts'
import { newBinding, follow } from './open.ts'
import { encoded, hasOtherIdle, pendingText } from './pending.ts'
import { expiryAt, isTouchDue } from '../policy.ts'
import type { Meta } from '../record.ts'
import { decodeMeta, encodeMeta, newHandle, nextRecord, referenceOf } from '../record.ts'
import type { Live, State } from './state.ts'
import { adopt, begin, requireOneToken, startOver } from './state.ts'
import type { InsertResult, SessionRecord, Store, SubjectCap, Tombstone } from '../store.ts'
import { subjectNameOf } from '../subject-key.ts'
import { mintToken, notRandom, secretBytes } from '../token.ts'

/** What a save came to. */
export type SaveResult = 'saved' | 'unchanged'

// Each attempt means that another request got its write in, so a handful is common and this many is a broken store.
const MAX_ATTEMPTS = 400
const MAX_COLLISIONS = 3

/**
 * Writes what has changed: `text`, as {@link pendingText} gives it.
 * @throws SessionError `gone` or `superseded` when there is something to write and the session has ended meanwhile.
 */
export async function saveState<Data extends object>(
  state: State<Data>,
  text: string | undefined = pendingText(state),
): Promise<SaveResult> {
  if (text === undefined) {
    tellLoss(state)
    // A commit does not come here without a text: this was asked for.
    if (isChanged(state)) requireOneToken(state)
    return 'unchanged'
  }
  if (state.phase === 'fresh') {
    if (!mayBegin(state)) return 'unchanged'
    await insertState(state, { text })
    return 'saved'
  }
  return updateState(state, text)
}

/** Whether a session that begins here would come back to this part of the site; else each request would leave a record. */
export function mayBegin<Data extends object>({ carrier, facts, engine }: State<Data>): boolean {
  const complaint = carrier.outside?.(facts)
  if (complaint !== undefined) engine.emitter.warn(complaint)
  return complaint === undefined
}

/** What a new record is made of. */
export interface NewRecord {
  readonly text: string
  readonly subject?: string
  readonly meta?: Meta
}

/** What a record holds, whenever it is written. */
export interface RecordContent extends NewRecord {
  readonly handle: string
  readonly createdAt: number
  readonly meta: Meta
}

/** Makes the record of a fresh session, under a token that nobody has. */
export async function insertState<Data extends object>(state: State<Data>, content: NewRecord): Promise<void> {
  const { store, guard, emitter } = state.engine
  begin(state, partitionFor(content))
  for (let attempt = 0; attempt < MAX_COLLISIONS; attempt++) {
    let live = newLive(state, content, attempt > 0)
    const insert = (): Promise<InsertResult> => store.insert(live.key, live.record, capFor(state, content.subject))
    const again = async (): Promise<InsertResult> => {
      if (content.subject === undefined) {
        return (await isStored(store, live)) ? { outcome: 'inserted', evicted: [] } : insert()
      }
      // That it is stored is not enough for a login: it may be there and not be durable, on no replica yet (RACE-7). And
      // where somebody who saw it has ended it since, the same one must not live again (RACE-16).
      await store.delete(live.key)
      live = newLive(state, content, true)
      return insert()
    }
    const result = await guard
      .call('insert', state.activity, (isAgain) => (isAgain ? again() : insert()))
      .catch((error: unknown) => {
        // It may have been stored all the same, so what this request tries next must be a session of its own (RACE-16).
        state.token = state.handle = undefined
        throw error
      })
    if (result.outcome === 'limit') throw limitError()
    if (result.outcome === 'exists') continue
    handOut(state, live)
    emitter.emit('created', { reference: referenceOf(live.record.handle) })
    reportEvicted(state, result.evicted)
    return
  }
  throw notRandom()
}

/** Whether what was to be stored under a new key is there: nobody else knows the key, or has a session of that name. */
export async function isStored(store: Store, { key, record }: Live): Promise<boolean> {
  const entry = await store.get(key)
  return entry?.state === 'live' && entry.handle === record.handle
}

function newLive<Data extends object>(state: State<Data>, content: NewRecord, isRenamed: boolean): Live {
  const { config } = state.engine
  if (isRenamed) state.token = state.handle = undefined
  const token = (state.token ??= mintToken(partitionFor(content)))
  const handle = (state.handle ??= newHandle())
  const now = config.now()
  const meta = { ...content.meta, idle: content.meta?.idle ?? state.idle, binding: newBinding(state) }
  const record = recordOf(state, 1, { ...content, handle, createdAt: now, meta }, now)
  return { key: storeKeyOf(config.namespace, token), record, meta, isGraceful: false }
}

function partitionFor({ subject }: NewRecord): string | undefined {
  return subject === undefined ? undefined : partitionOfSubject(subject)
}

/** The record that holds this from now on. */
export function recordOf<Data extends object>(
  state: State<Data>,
  version: number,
  { handle, subject, createdAt, meta, text }: RecordContent,
  now: number,
): SessionRecord {
  return {
    state: 'live',
    version,
    handle,
    ...(subject !== undefined && { subject }),
    createdAt,
    seenAt: now,
    expiresAt: expiryAt(state.engine.config.policy, { ...meta, subject, createdAt }, now),
    meta: encodeMeta(meta),
    data: text,
  }
}

/** The record lives in the store now, and the client is to get its token. */
export function handOut<Data extends object>(state: State<Data>, live: Live): void {
  adopt(state, live)
  state.isStarted = true
  state.handsToken = true
  state.clearsToken = false
  state.document.settle(live.record.data)
  state.engine.underWay.add(state)
}

/** The cap that an insertion for this subject must keep. */
export function capFor<Data extends object>(state: State<Data>, subject: string | undefined): SubjectCap | undefined {
  return subject === undefined ? undefined : state.engine.config.policy.perSubject
}

/** The error when the cap rejects. */
export function limitError(): SessionError {
  return new SessionError('subject-limit', 'session: this user has perSubject.max sessions already')
}

/** Tells of the sessions that a cap ended for the one that the state holds now. */
export function reportEvicted<Data extends object>({ engine, live }: State<Data>, evicted: readonly string[]): void {
  const subject = live?.record.subject
  if (subject === undefined || evicted.length === 0) return
  const { config, emitter } = engine
  emitter.emit('evicted', { subject: subjectNameOf(config.namespace, subject), count: evicted.length })
}

/** Compare-and-set of the data, merging with whoever got there first. */
async function updateState<Data extends object>(state: State<Data>, first: string): Promise<SaveResult> {
  for (let attempt = 1, text = first; ; attempt++, text = encoded(state)) {
    // What another request stored meanwhile may already hold all that was changed here.
    const outcome = state.document.differs(text) || hasOtherIdle(state) ? await writeAnswered(state, text) : 'written'
    if (outcome === 'gone') {
      state.hasLost = false
      throw lostError(state)
    }
    if (outcome === 'written') {
      state.document.settle(text)
      return 'saved'
    }
    await backOff(attempt)
  }
}

/**
 * {@link writeOnce}, and a write that was never answered may have been done all the same: it is remembered, to be known
 * when it is met. `basis` is the session's own content where the text holds more.
 */
export async function writeAnswered<Data extends object>(
  state: State<Data>,
  text: string,
  basis: string = text,
): ReturnType<typeof writeOnce> {
  try {
    return await writeOnce(state, text)
  } catch (error) {
    if (isOutage(error)) state.unanswered = [...state.unanswered, { text, basis }]
    throw error
  }
}

/** One compare-and-set. `retry` after the document has been merged with what the store holds now. */
async function writeOnce<Data extends object>(state: State<Data>, text: string): Promise<'written' | 'retry' | 'gone'> {
  const { config, store, guard } = state.engine
  const { live } = state
  if (live === undefined) return 'gone'
  const now = config.now()
  const meta = { ...live.meta, idle: state.idle ?? live.meta.idle }
  const expiresAt = expiryAt(config.policy, { ...live.record, ...meta }, now)
  const next = nextRecord(live.record, { seenAt: now, expiresAt, meta: encodeMeta(meta), data: text })
  const result = await guard.call('update', state.activity, () => store.update(live.key, live.record.version, next))
  if (result.outcome === 'updated') {
    state.unanswered = []
    confirm(state, { ...live, record: next, meta })
    return 'written'
  }
  if (result.outcome === 'conflict') {
    rebaseOn(state, { ...live, record: result.current })
    return 'retry'
  }
  return (await relocate(state, result.tombstone)) ? 'retry' : 'gone'
}

/** Takes over what the store holds now, with the changes made here on top. */
export function rebaseOn<Data extends object>(
  state: State<Data>,
  current: Pick<Live, 'key' | 'record' | 'isGraceful'>,
): void {
  settleUnanswered(state, current.record)
  const paths = state.document.rebase(current.record.data)
  adopt(state, { ...current, meta: decodeMeta(current.record.meta) })
  state.engine.emitter.emit('conflict', { reference: referenceOf(current.record.handle), paths })
}

// What this request wrote itself is no other's change, and must not come in twice.
function settleUnanswered<Data extends object>(state: State<Data>, { version, data }: SessionRecord): void {
  const { unanswered, document, live } = state
  if (unanswered.length === 0 || live === undefined) return
  if (version > live.record.version + 1) {
    throw new SessionError(
      'store-unavailable',
      'session: others have written since a save that was not answered; whether it was done cannot be known',
    )
  }
  // Where it is not what lies there, another was first, and it can never be done any more.
  state.unanswered = []
  const own = unanswered.find(({ text }) => text === data)
  if (own !== undefined) document.settle(own.basis)
}

/**
 * The record is not where it was. After a periodic rotation the session lives on under another key, and this request
 * goes on there; otherwise it has ended, and the response sends no cookie, so that it cannot overwrite a newer one.
 */
export async function relocate<Data extends object>(state: State<Data>, mark: Tombstone | undefined): Promise<boolean> {
  const found = mark?.state === 'moved' ? await follow(state, mark.to) : undefined
  if (found !== undefined && found !== 'superseded') {
    rebaseOn(state, { ...found, isGraceful: true })
    state.handsToken = false
    state.isOutdated = false
    return true
  }
  state.engine.emitter.emit('gone', { reference: referenceOf(state.handle) })
  state.lost = state.live?.record
  noteLoss(state)
  startOver(state, mark === undefined ? 'gone' : 'superseded')
  return false
}

/**
 * Between a login or rotation in the handler and the end of the request others may have ended the session, or replaced
 * its token again: then it is not handed out, for it would overwrite a newer one in the browser (COOKIE-13).
 */
export async function recheckToken<Data extends object>(state: State<Data>): Promise<void> {
  const { store, guard } = state.engine
  const { live } = state
  if (live === undefined) return
  const entry = await guard.call('get', state.activity, () => store.get(live.key))
  if (entry?.state !== 'live') await relocate(state, entry)
}

/** Writes down that the session is in use, if that is due. Failure costs nothing but an earlier end. */
export async function touchState<Data extends object>(state: State<Data>): Promise<void> {
  const { config, store, guard, touching } = state.engine
  const { live } = state
  const now = config.now()
  if (live === undefined || touching.has(live.key)) return
  touching.add(live.key)
  const expiresAt = Math.max(live.record.expiresAt, expiryAt(config.policy, { ...live.record, ...live.meta }, now))
  try {
    const isLive = await guard.call('touch', state.activity, () => store.touch(live.key, now, expiresAt))
    if (isLive) confirm(state, { ...live, record: { ...live.record, seenAt: now, expiresAt } })
    else if (typeof (await follow(state, live.key)) !== 'object') await relocate(state, undefined)
  } catch {
    // The guard has told of it; the page is good, and the session only ends somewhat earlier.
  } finally {
    touching.delete(live.key)
  }
}

/** Whether {@link touchState} has something to do. */
export function needsTouch<Data extends object>(state: State<Data>): boolean {
  const { live, engine, isOutdated } = state
  return (
    live !== undefined && (isOutdated || isTouchDue(engine.config.policy, live.record, live.meta, engine.config.now()))
  )
}

// Only now: handing out a token that a login has replaced meanwhile would overwrite the new one (COOKIE-13).
function confirm<Data extends object>(state: State<Data>, live: Live): void {
  adopt(state, live)
  if (state.isOutdated) state.handsToken = true
  state.isOutdated = false
}

/** Waits a little, longer and at random when many contend, so that one of them gets through. */
export async function backOff(attempt: number): Promise<void> {
  if (attempt >= MAX_ATTEMPTS) {
    throw new SessionError('conflict', `session: others changed it ${attempt} times; nothing was written`)
  }
  // Mostly at once: what a conflict has told of is old after a pause, and would only be refused again. With a pause before
  // each attempt one of eight processes that count in one session could fail for good.
  if (attempt < 10 || attempt % 4 > 0) return
  const spread = (secretBytes(1)[0] ?? 0) / 255
  await pause(1 + Math.floor((attempt * spread) / 10))
}
