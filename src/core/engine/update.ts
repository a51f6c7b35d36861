import { isolatesRequests } from '#platform'
import type { Contest } from './contest.ts'
import { countLoss, newContest, standBack } from './contest.ts'
import { SessionError } from '../errors.ts'
import { isOutage } from './guard.ts'
import { endedError, lostError, noteLoss } from './lost.ts'
import { follow } from './open.ts'
import { encoded, hasOtherIdle } from './pending.ts'
import { expiryAt } from '../policy.ts'
import { decodeMeta, encodeMeta, nextRecord, referenceOf } from '../record.ts'
import type { JointSave } from './joint-save.ts'
import { saveJointly } from './joint-save.ts'
import type { Live, State, Unanswered } from './state.ts'
import { adopt, startOver } from './state.ts'
import type { SessionRecord, Tombstone, UpdateResult } from '../store.ts'

/** Compare-and-set of the data. Who loses against others merges with what they stored, together with the other losers. */
export async function updateState<Data extends object>(state: State<Data>, first: string): Promise<'saved'> {
  let contest: Contest | undefined
  for (let text = first; ; text = encoded(state)) {
    // What another request stored meanwhile may already hold all that was changed here.
    if (!state.document.differs(text) && !hasOtherIdle(state)) return 'saved'
    const result = await saved(state, await writeAnswered(state, text))
    if (result.outcome === 'updated') return 'saved'
    if (!(await goOn(state, result))) {
      state.hasLost = false
      throw lostError(state)
    }
    contest ??= newContest()
    await tryAgain(contest)
  }
}

/** Before the next attempt of a change that others were faster than. */
export async function tryAgain(contest: Contest): Promise<void> {
  countLoss(contest)
  await standBack(contest)
}

/** Whether the session, which is not as it was loaded, lives on: then the state holds what the store does. */
export async function goOn<Data extends object>(
  state: State<Data>,
  result: Exclude<UpdateResult, { outcome: 'updated' }>,
): Promise<boolean> {
  if (result.outcome === 'gone') return relocate(state, result.tombstone)
  if (state.live !== undefined) rebaseOn(state, { ...state.live, record: result.current })
  return true
}

// Where one request must not wait for another, each merges for itself.
async function saved<Data extends object>(state: State<Data>, result: UpdateResult): Promise<UpdateResult> {
  const { live } = state
  if (result.outcome !== 'conflict' || live === undefined || isolatesRequests) return result
  settleUnanswered(state, result.current)
  const joint = await saveJointly(state, live, result.current)
  if (joint.outcome === 'updated') takeOver(state, live, joint)
  if (joint.outcome !== 'failed') return joint
  if (isOutage(joint.error)) remember(state, joint.write)
  throw joint.error
}

function takeOver<Data extends object>(
  state: State<Data>,
  live: Live,
  { record, write, paths }: Extract<JointSave, { outcome: 'updated' }>,
): void {
  state.engine.emitter.emit('conflict', { reference: referenceOf(record.handle), paths })
  try {
    state.document.catchUp(write.basis, record.data)
  } catch (error) {
    // What the handler has put in meanwhile cannot be stored. What was stored is known again when it is met.
    remember(state, write)
    throw error
  }
  state.unanswered = []
  const meta = decodeMeta(record.meta)
  confirm(state, { ...live, record, meta: { ...meta, idle: state.idle ?? meta.idle } })
}

function remember<Data extends object>(state: State<Data>, write: Unanswered | undefined): void {
  if (write !== undefined) state.unanswered = [...state.unanswered, write]
}

/**
 * {@link writeOnce}, and a write that was never answered may have been done all the same: it is remembered, to be known
 * when it is met. `basis` is the session's own content where the text holds more.
 */
export async function writeAnswered<Data extends object>(
  state: State<Data>,
  text: string,
  basis: string = text,
): Promise<UpdateResult> {
  const { live } = state
  if (live === undefined) throw endedError('gone')
  try {
    return await writeOnce(state, live, text)
  } catch (error) {
    if (isOutage(error)) remember(state, { from: live.record.version, text, basis })
    throw error
  }
}

/** One compare-and-set. */
async function writeOnce<Data extends object>(state: State<Data>, live: Live, text: string): Promise<UpdateResult> {
  const { config, store, guard } = state.engine
  const now = config.now()
  const meta = { ...live.meta, idle: state.idle ?? live.meta.idle }
  const expiresAt = expiryAt(config.policy, { ...live.record, ...meta }, now)
  const next = nextRecord(live.record, { seenAt: now, expiresAt, meta: encodeMeta(meta), data: text })
  const result = await guard.call('update', state, () => store.update(live.key, live.record.version, next))
  if (result.outcome === 'updated') {
    state.unanswered = []
    state.document.settle(text)
    confirm(state, { ...live, record: next, meta })
  }
  return result
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
  const { unanswered, document } = state
  const due = unanswered.filter(({ from }) => from < version)
  if (due.length === 0) return
  if (due.some(({ from }) => from + 1 < version)) {
    throw new SessionError(
      'store-unavailable',
      'session: others have written since a save that was not answered; whether it was done cannot be known',
    )
  }
  // Where it is not what lies there, another was first, and it can never be done any more.
  state.unanswered = unanswered.filter((write) => !due.includes(write))
  const own = due.find(({ text }) => text === data)
  if (own !== undefined) document.catchUp(own.basis, data)
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

/** The store has this, so the client may get its token signed anew: only now, since a login may have replaced it (COOKIE-13). */
export function confirm<Data extends object>(state: State<Data>, live: Live): void {
  adopt(state, live)
  if (state.isOutdated) state.handsToken = true
  state.isOutdated = false
}
