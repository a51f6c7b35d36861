import { monotonicNow, nextTurn } from '#platform'
import type { Contest } from './contest.ts'
import { countLoss, newContest, standBack } from './contest.ts'
import type { Fold } from '../data/document.ts'
import type { StoreKey } from '../key.ts'
import { maxBytesOf } from './pending.ts'
import { expiryAt } from '../policy.ts'
import type { Meta } from '../record.ts'
import { decodeMeta, encodeMeta, nextRecord } from '../record.ts'
import type { Live, State, Unanswered } from './state.ts'
import type { SessionRecord, Tombstone, UpdateResult } from '../store.ts'

// Requests of one session that save at the same time all lose but one. Would each merge with what the winner stored and
// try again, all would lose again but one: n of them made n * n / 2 merges, and one visitor could stop the process. So who
// has lost waits in a line, and the first of the line merges for all who wait, and writes once.

/** What a save came to that was made together with others. */
export type JointSave =
  /** `record` is stored. `basis` is the text of the session's own content that went into it, if it was touched. */
  | {
      readonly outcome: 'updated'
      readonly record: SessionRecord
      readonly basis: string | undefined
      readonly paths: readonly string[]
    }
  | { readonly outcome: 'gone'; readonly tombstone?: Tombstone }
  /** `unanswered` is the write that may have been done all the same. */
  | { readonly outcome: 'failed'; readonly error: unknown; readonly unanswered?: Unanswered }

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

/** One who waits, and what it adds to the text. */
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
  if (line === undefined) return lead(key, open(lines, key, current, mine), mine)
  if (current.version > line.current.version) line.current = current
  line.waiting.push(mine)
  await new Promise<void>((resolve) => {
    mine.wake = resolve
  })
  return mine.result ?? lead(key, line, mine)
}

function open<Data extends object>(
  lines: Map<StoreKey, Line<Data>>,
  key: StoreKey,
  current: SessionRecord,
  mine: Waiting<Data>,
): Line<Data> {
  const line = { current, waiting: [mine] }
  lines.set(key, line)
  return line
}

/** Writes until the leader's own save is done, and hands the lead over, so that each works within its own request. */
async function lead<Data extends object>(key: StoreKey, line: Line<Data>, mine: Waiting<Data>): Promise<JointSave> {
  try {
    for (;;) {
      await writeTogether(key, line, mine.state)
      if (mine.result !== undefined) return mine.result
      await standBack(mine.contest)
    }
  } finally {
    const [next] = line.waiting
    if (next === undefined) mine.state.engine.lines.delete(key)
    else nextTurn(next.wake)
  }
}

async function writeTogether<Data extends object>(
  key: StoreKey,
  line: Line<Data>,
  { engine, activity }: State<Data>,
): Promise<void> {
  const { members, text, meta } = fold(line)
  if (members.length === 0) return
  const { current } = line
  // What others have stored may already hold all that was changed here.
  if (text === current.data && meta.idle === decodeMeta(current.meta).idle) {
    conclude(line, members, current, { outcome: 'updated' })
    return
  }
  const now = engine.config.now()
  const expiresAt = expiryAt(engine.config.policy, { ...current, ...meta }, now)
  const next = nextRecord(current, { seenAt: now, expiresAt, meta: encodeMeta(meta), data: text })
  try {
    const update = (): Promise<UpdateResult> => engine.store.update(key, current.version, next)
    conclude(line, members, next, await engine.guard.call('update', activity, update))
  } catch (error) {
    for (const { waiting, fold } of members) {
      settle(waiting, {
        outcome: 'failed',
        error,
        unanswered: { from: current.version, text, basis: fold.basis ?? text },
      })
    }
  }
}

/** Puts the changes of all who wait on top of each other, as if each had written after the one before. */
function fold<Data extends object>(
  line: Line<Data>,
): { readonly members: readonly Member<Data>[]; readonly text: string; readonly meta: Meta } {
  const until = monotonicNow() + MAX_MERGING
  const members: Member<Data>[] = []
  let text = line.current.data
  let meta = decodeMeta(line.current.meta)
  do {
    const waiting = line.waiting.shift()
    if (waiting === undefined) break
    const { state } = waiting
    try {
      const fold = state.document.fold(text, maxBytesOf(state, line.current.subject))
      members.push({ waiting, fold })
      text = fold.text
      meta = { ...meta, idle: state.idle ?? meta.idle }
    } catch (error) {
      // What this one adds cannot be kept; the others have nothing to do with it.
      settle(waiting, { outcome: 'failed', error })
    }
  } while (monotonicNow() < until)
  return { members, text, meta }
}

function conclude<Data extends object>(
  line: Line<Data>,
  members: readonly Member<Data>[],
  next: SessionRecord,
  result: UpdateResult,
): void {
  if (result.outcome === 'updated') {
    line.current = next
    for (const { waiting, fold } of members) {
      settle(waiting, { outcome: 'updated', record: next, basis: fold.basis, paths: fold.clashes })
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
