import { endOfTurn, monotonicNow, nextTurn } from '#platform'
import type { Contest } from './contest.ts'
import { countLoss, newContest, standBack } from './contest.ts'
import type { Config } from '../config.ts'
import type { Fold } from '../data/document.ts'
import type { StoreKey } from '../key.ts'
import { maxBytesOf } from './pending.ts'
import { expiryAt } from '../policy.ts'
import { decodeMeta, encodeMeta, nextRecord } from '../record.ts'
import type { Live, State, Unanswered } from './state.ts'
import type { SessionRecord, Tombstone, UpdateResult } from '../store.ts'

// Requests of one session that save at the same time all lose but one. Would each merge with what the winner stored and
// try again, all would lose again but one: n of them made n * n / 2 merges, and one visitor could stop the process. So who
// has lost waits in a line, and the first of the line merges for all who wait, and writes once.

/** What a save came to that was made together with others. */
export type JointSave =
  /** `record` is stored. `write` is what was done for this one, and `paths` what it has overwritten of others. */
  | {
      readonly outcome: 'updated'
      readonly record: SessionRecord
      readonly write: Unanswered
      readonly paths: readonly string[]
    }
  | { readonly outcome: 'gone'; readonly tombstone?: Tombstone }
  /** `write` may have been done all the same. */
  | { readonly outcome: 'failed'; readonly error: unknown; readonly write?: Unanswered }

/** The saves of one session that wait. There is one as long as somebody waits or writes. */
export interface Line<Data extends object> {
  /** What the store held when it was last heard of. */
  current: SessionRecord
  readonly waiting: Waiting<Data>[]
}

interface Waiting<Data extends object> {
  readonly state: State<Data>
  readonly contest: Contest
  result: JointSave | undefined
  /** Called when there is a result, or when it is this one's turn to write. */
  wake: () => void
}

/** What is written at once: the record, made of `from` and of what each member adds. */
interface Batch<Data extends object> {
  readonly from: SessionRecord
  readonly next: SessionRecord
  readonly members: readonly Member<Data>[]
}

interface Member<Data extends object> {
  readonly waiting: Waiting<Data>
  readonly fold: Fold
}

// Nobody else's request is held up longer than this by the merges of one session.
const MAX_MERGING = 20

/** Saves a session that others have changed, to `current`: merged with that, and with whoever waits for the same. */
export async function saveJointly<Data extends object>(
  state: State<Data>,
  { key }: Live,
  current: SessionRecord,
): Promise<JointSave> {
  const { lines } = state.engine
  const mine: Waiting<Data> = { state, contest: newContest(), result: undefined, wake: () => undefined }
  const line = lines.get(key)
  if (line === undefined) {
    const opened: Line<Data> = { current, waiting: [mine] }
    lines.set(key, opened)
    // The others of this turn are about to lose as well.
    await endOfTurn()
    return lead(key, opened, mine)
  }
  if (current.version > line.current.version) line.current = current
  line.waiting.push(mine)
  await new Promise<void>((resolve) => {
    mine.wake = resolve
  })
  return mine.result ?? lead(key, line, mine)
}

/** Writes until the leader's own save is done, and hands the lead over, so that each works within its own request. */
async function lead<Data extends object>(key: StoreKey, line: Line<Data>, mine: Waiting<Data>): Promise<JointSave> {
  try {
    for (;;) {
      await writeBatch(key, line, mine.state)
      if (mine.result !== undefined) return mine.result
      await standBack(mine.contest)
    }
  } finally {
    const [next] = line.waiting
    if (next === undefined) mine.state.engine.lines.delete(key)
    else nextTurn(next.wake)
  }
}

async function writeBatch<Data extends object>(key: StoreKey, line: Line<Data>, leader: State<Data>): Promise<void> {
  const { engine } = leader
  const batch = gather(line, engine.config)
  const { from, next, members } = batch
  if (members.length === 0) return
  try {
    const update = async (): Promise<UpdateResult> =>
      // What others have stored may already hold all that was changed here.
      next === from ? { outcome: 'updated' } : engine.store.update(key, from.version, next)
    conclude(line, batch, await engine.guard.call('update', leader, update))
  } catch (error) {
    for (const member of members) settle(member.waiting, { outcome: 'failed', error, write: writeOf(batch, member) })
  }
}

/** Puts the changes of all who wait on top of each other, as if each had written after the one before. */
function gather<Data extends object>(line: Line<Data>, { policy, now }: Config<Data>): Batch<Data> {
  const until = monotonicNow() + MAX_MERGING
  const from = line.current
  const before = decodeMeta(from.meta)
  const members: Member<Data>[] = []
  let text = from.data
  let { idle } = before
  do {
    const waiting = line.waiting.shift()
    if (waiting === undefined) break
    const { state } = waiting
    try {
      const fold = state.document.fold(text, maxBytesOf(state, from.subject))
      members.push({ waiting, fold })
      text = fold.text
      idle = state.idle ?? idle
    } catch (error) {
      // What this one adds cannot be kept; the others have nothing to do with it.
      settle(waiting, { outcome: 'failed', error })
    }
  } while (monotonicNow() < until)
  if (text === from.data && idle === before.idle) return { from, next: from, members }
  const meta = { ...before, idle }
  const seenAt = now()
  const expiresAt = expiryAt(policy, { ...from, ...meta }, seenAt)
  return { from, next: nextRecord(from, { seenAt, expiresAt, meta: encodeMeta(meta), data: text }), members }
}

function conclude<Data extends object>(line: Line<Data>, batch: Batch<Data>, result: UpdateResult): void {
  const { next, members } = batch
  if (result.outcome === 'updated') {
    line.current = next
    for (const member of members) {
      const { waiting, fold } = member
      settle(waiting, { outcome: 'updated', record: next, write: writeOf(batch, member), paths: fold.clashes })
    }
  } else if (result.outcome === 'conflict') {
    line.current = result.current
    line.waiting.unshift(...members.map(({ waiting }) => waiting).filter(mayTryAgain))
  } else {
    for (const waiting of [...members.map((member) => member.waiting), ...line.waiting.splice(0)]) {
      settle(waiting, result)
    }
  }
}

function writeOf<Data extends object>({ from, next }: Batch<Data>, { fold }: Member<Data>): Unanswered {
  return { from: from.version, text: next.data, basis: fold.basis }
}

function mayTryAgain<Data extends object>(waiting: Waiting<Data>): boolean {
  try {
    countLoss(waiting.contest)
    return true
  } catch (error) {
    settle(waiting, { outcome: 'failed', error })
    return false
  }
}

function settle<Data extends object>(waiting: Waiting<Data>, result: JointSave): void {
  waiting.result = result
  waiting.wake()
}
