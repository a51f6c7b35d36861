import type { Clock } from '../../core/clock.ts'
import type { StoreKey } from '../../core/key.ts'
import type { StoreNotice } from '../../core/store.ts'
import type { Entry, LiveEntry, MarkEntry } from './entry.ts'
import { expiresAtOf, isLive } from './entry.ts'
import type { Queue } from './queue.ts'
import { queue } from './queue.ts'
import type { SubjectIndex } from './subject-index.ts'
import { subjectIndex } from './subject-index.ts'
import type { Table } from './table.ts'
import { table } from './table.ts'

/** Which sessions go when the store is full. */
export type Eviction = 'least-recently-used' | 'oldest-created'

/** The memory store's entries: found by key and by subject, bounded in number, and never given out expired. */
export interface Book {
  /** The entry under the key. One that has expired is removed instead. */
  find(key: StoreKey): Entry | undefined
  /** The subject's live entries, oldest `createdAt` first. */
  ofSubject(subject: string): readonly LiveEntry[]
  /** How many the subject has at most: expired ones count until they are looked at. */
  countAtMost(subject: string): number
  /** Makes room where the book is full, and adds the entry. */
  add(entry: Entry): void
  /** Removes a live entry before its time. */
  end(entry: LiveEntry): void
  /** Puts `next` in the place of `old`. */
  replace(old: LiveEntry, next: LiveEntry): void
  /** Adds a mark; when the book is full somebody else gives place to it than `spared`. */
  addMark(mark: MarkEntry, spared: LiveEntry): void
  /** The entry was used just now. */
  use(entry: LiveEntry): void
  sweep(limit: number): { readonly removed: number; readonly isDone: boolean }
  /** Every entry that stays, once; ends early when the book is cleared. */
  entries(): Iterable<Entry>
  clear(): void
}

/** Everything that `clear` throws away at once. */
interface Contents {
  readonly entries: Table<Entry>
  readonly subjects: SubjectIndex
  /** In the order in which they give place: marks first, then sessions of nobody, then sessions of users. */
  readonly marks: Queue<Entry>
  readonly anonymous: Queue<Entry>
  readonly owned: Queue<Entry>
  /** Where the running search for expired entries stands. */
  pass: Iterator<Entry, undefined> | undefined
}

/** How many entries there may be, and which give place to others. */
export interface Bounds {
  readonly maxEntries: number
  readonly eviction: Eviction
  /** Hears of each live entry that ends before its time. */
  readonly tell: (notice: StoreNotice) => void
}

/** How many entries a sweep looks at beyond those that it may remove: work stays bounded when nothing has expired. */
const LOOKS_PER_SWEEP = 1_000

/** How many entries an insertion into a full book looks at, so that what has expired gives place before what lives. */
const LOOKS_PER_INSERTION = 8

/** How many used entries an insertion into a full book may put off, so that its work stays bounded. */
const CHANCES_PER_INSERTION = 64

export function book(bounds: Bounds, now: Clock): Book {
  const { maxEntries, eviction, tell } = bounds
  let contents = emptyContents(eviction)
  const find = (key: StoreKey): Entry | undefined => findUnexpired(contents, key, now())
  return {
    find,
    ofSubject: (subject) =>
      contents.subjects
        .entriesOf(subject)
        .filter((entry) => find(entry.key) !== undefined)
        .toSorted((a, b) => a.createdAt - b.createdAt),
    countAtMost: (subject) => contents.subjects.countOf(subject),
    add(entry) {
      makeRoom(contents, bounds, now())
      add(contents, entry)
    },
    end: (entry) => end(contents, entry, bounds),
    replace: (old, next) => replace(contents, old, next, bounds),
    addMark(mark, spared) {
      makeRoom(contents, bounds, now(), spared)
      if (contents.entries.size < maxEntries) add(contents, mark)
    },
    use(entry) {
      if (isLive(entry)) entry.wasUsed = true
    },
    sweep: (limit) => sweep(contents, limit, limit + LOOKS_PER_SWEEP, now()),
    *entries() {
      const started = contents
      for (const entry of started.entries.values()) {
        if (started !== contents) return
        yield entry
      }
    },
    clear() {
      contents = emptyContents(eviction)
      tell({ kind: 'cleared' })
    },
  }
}

function findUnexpired(contents: Contents, key: StoreKey, now: number): Entry | undefined {
  const entry = contents.entries.get(key)
  if (entry === undefined || expiresAtOf(entry) > now) return entry
  remove(contents, entry)
  return undefined
}

function makeRoom(contents: Contents, bounds: Bounds, now: number, spared?: LiveEntry): void {
  const { maxEntries, eviction } = bounds
  if (contents.entries.size >= maxEntries) sweep(contents, LOOKS_PER_INSERTION, LOOKS_PER_INSERTION, now)
  while (contents.entries.size >= maxEntries) {
    if (eviction === 'least-recently-used') giveSecondChances(contents)
    const victim = victimOf(contents, spared)
    if (victim === undefined) return
    end(contents, victim, bounds)
  }
}

function emptyContents(eviction: Eviction): Contents {
  const anonymous = queue<Entry>()
  const owned = eviction === 'oldest-created' ? anonymous : queue<Entry>()
  const [entries, subjects, marks] = [table<Entry>(), subjectIndex(), queue<Entry>()]
  return { entries, subjects, marks, anonymous, owned, pass: undefined }
}

function queueOf(contents: Contents, entry: Entry): Queue<Entry> {
  if (!isLive(entry)) return contents.marks
  return entry.subject === undefined ? contents.anonymous : contents.owned
}

function add(contents: Contents, entry: Entry): void {
  contents.entries.set(entry.key, entry)
  queueOf(contents, entry).add(entry)
  if (isLive(entry) && entry.subject !== undefined) contents.subjects.add(entry.subject, entry)
}

function remove(contents: Contents, entry: Entry): void {
  contents.entries.delete(entry.key)
  queueOf(contents, entry).remove(entry)
  if (isLive(entry) && entry.subject !== undefined) contents.subjects.remove(entry.subject, entry)
}

function end(contents: Contents, entry: Entry, { tell }: Bounds): void {
  remove(contents, entry)
  if (isLive(entry)) tell({ kind: 'ended', key: entry.key })
}

/** A session that only changes its key was not created anew: it keeps its turn where the first created goes first. */
function replace(contents: Contents, old: LiveEntry, next: LiveEntry, { eviction, tell }: Bounds): void {
  tell({ kind: 'ended', key: old.key })
  const keepsTurn = eviction === 'oldest-created' && old.createdAt === next.createdAt
  if (!keepsTurn) {
    remove(contents, old)
    add(contents, next)
    return
  }
  const { entries, subjects } = contents
  entries.delete(old.key)
  entries.set(next.key, next)
  queueOf(contents, old).replace(old, next)
  if (old.subject !== undefined) subjects.remove(old.subject, old)
  if (next.subject !== undefined) subjects.add(next.subject, next)
}

/**
 * What was used since it took its place goes to the end of its queue ("clock", or second chance). To move it there at each
 * use would touch its neighbours, which at a million sessions lie in no cache: that made a get 30 % dearer.
 */
function giveSecondChances({ anonymous, owned }: Contents): void {
  const queue = anonymous.oldest === undefined ? owned : anonymous
  for (let chances = 0; chances < CHANCES_PER_INSERTION; chances++) {
    const { oldest } = queue
    if (!isLive(oldest) || !oldest.wasUsed) return
    oldest.wasUsed = false
    queue.remove(oldest)
    queue.add(oldest)
  }
}

/** Anonymous sessions cost an attacker nothing, so a flood of them must push out only each other. */
function victimOf({ marks, anonymous, owned }: Contents, spared: LiveEntry | undefined): Entry | undefined {
  for (const { oldest } of [marks, anonymous, owned]) {
    const victim = oldest === spared ? oldest?.newer : oldest
    if (victim !== undefined) return victim
  }
  return undefined
}

/**
 * Looks at no more than `most` entries and removes no more than `limit`. Goes on where the last call stopped, so that one
 * batch is bounded work even when nothing has expired. It is done when a pass has seen every entry that was there when the
 * pass began.
 */
function sweep(contents: Contents, limit: number, most: number, now: number): ReturnType<Book['sweep']> {
  contents.pass ??= contents.entries.values()
  let removed = 0
  for (let looks = 0; removed < limit && looks < most; looks++) {
    const { value } = contents.pass.next()
    if (value === undefined) {
      contents.pass = undefined
      return { removed, isDone: true }
    }
    if (expiresAtOf(value) > now) continue
    remove(contents, value)
    removed++
  }
  return { removed, isDone: false }
}
