import { isDeepStrictEqual } from 'node:util'
import type { Change, Content } from '../changes.ts'
import { changed, contentOf, kept } from '../changes.ts'
import type { VerbEntry } from '../history.ts'
import type { At, MakeRule, Write } from './rule.ts'

/** What one request has done to its data and not yet stored. */
interface Open {
  pending: Change[]
  /** Stored perhaps: the answer was lost. */
  maybe: Change[]
  /** Messages among these that were given out since: the next write takes them out of what is stored. */
  taken: readonly string[]
  /** What the last write stored. */
  last: Change[]
  /** Whether the session has ended for this request, so that nothing more is stored. */
  isOver: boolean
  /** Whether it was this request that has ended it. */
  isOwn: boolean
  /** Whether changes went down with a session that others have ended, and nothing has failed since. */
  isLost: boolean
  /** The last write: of which verb, and what was so before it. */
  lastVerb: number | undefined
  wasOver: boolean
  /** Those whose changes the last write stored as well. */
  companions: readonly Open[]
}

/**
 * Every write changes exactly what its request changed, on top of what the store held; and what is acknowledged has been
 * written. So nothing that was acknowledged is ever lost, and increments are exact.
 */
export const dataRule: MakeRule = ({ verbs, companions, blame }) => {
  const requests = new Map<number, Open>()
  const written = new Map<number, { readonly before: Content; readonly after: Content }>()
  const given = new Set<string>()
  /** Messages that were stored without an answer, and so perhaps again. */
  const unsure = new Set<string>()
  /** Verbs that stored or ended something. */
  const effective = new Set<number>()
  const stateOf = (request: number): Open => {
    const open = requests.get(request) ?? {
      pending: [],
      maybe: [],
      taken: [],
      last: [],
      isOver: false,
      isOwn: false,
      isLost: false,
      lastVerb: undefined,
      wasOver: false,
      companions: [],
    }
    requests.set(request, open)
    return open
  }

  const judgeWrite = (verb: At<VerbEntry> | undefined, request: number, write: Write): void => {
    const open = stateOf(request)
    const before = write.before === undefined ? {} : without(open.taken, contentOf(write.before.data))
    const after = contentOf(write.record.data)
    const stored = [...open.pending, ...(verb?.change === undefined ? [] : [verb.change])]
    const isChoice = verb?.name === 'login' || verb?.name === 'logout'
    const isWith = (others: readonly At<VerbEntry>[]): boolean => {
      const parts = [[open.maybe, stored] as const, ...others.map(({ request }) => partOf(stateOf(request)))]
      return orders(parts).some((inOrder) =>
        choices(inOrder).some((changes) => {
          const content = changed(before, changes)
          return isDeepStrictEqual(after, isChoice ? kept(content, verb.keep) : content)
        }),
      )
    }
    // The most first: of two that wrote the same value, the later one hides the other.
    const joined = subsets(companions(verb?.verb))
      .toSorted((a, b) => b.length - a.length)
      .find(isWith)
    if (joined === undefined) {
      blame(
        `a ${write.method} in "${verb?.name}" stored ${write.record.data} on top of ${JSON.stringify(before)}; ` +
          `the request changed ${JSON.stringify(stored)}`,
      )
    }
    const others = joined ?? []
    const hidden = others.filter((other) => isWith(others.filter((one) => one !== other)))
    if (verb !== undefined) written.set(verb.verb, { before, after })
    note(open, stored, verb?.verb)
    open.companions = others.map((other) => stateOf(other.request))
    for (const other of others) note(stateOf(other.request), stateOf(other.request).pending, other.verb)
    for (const { request } of hidden) stateOf(request).maybe.push(...stateOf(request).last)
  }

  const note = (open: Open, stored: readonly Change[], verb: number | undefined): void => {
    if (verb !== undefined) effective.add(verb)
    Object.assign(open, { last: stored, pending: [], isOver: false, lastVerb: verb, wasOver: open.isOver })
  }

  const doubt = (open: Open): void => {
    open.maybe.push(...open.last)
    open.isOver = open.wasOver
    for (const change of open.last) if (change.kind === 'flash') unsure.add(change.message)
    open.last = []
    open.lastVerb = undefined
  }

  const give = (value: string, what: string): void => {
    if (given.has(value) && !unsure.has(value)) blame(`${what} was given out twice: ${value}`)
    given.add(value)
  }

  const judgeValue = (verb: At<VerbEntry>, value: unknown, open: Open): void => {
    const write = written.get(verb.verb)
    if (verb.change?.kind === 'count' && write !== undefined && value !== write.after.n) {
      blame(`an increment gave ${String(value)} and stored ${write.after.n}`)
    }
    if (verb.change?.kind === 'take' && typeof value === 'string') {
      const isUnsaved = open.isOver && open.pending.some((change) => change.kind === 'put' && change.prize === value)
      if (value !== write?.before.prize && !isUnsaved) blame(`a take gave ${value}; there was ${write?.before.prize}`)
      give(value, 'a value that was taken')
    }
    if (verb.change?.kind === 'drain') for (const message of value as string[]) give(message, 'a flash message')
  }

  const isOverAfter = ({ name, verb, before }: VerbEntry, isOver: boolean): boolean => {
    if (name === 'logout') return isOver || (before.handle !== undefined && !effective.has(verb))
    return name === 'destroy'
  }

  return {
    write: (call, write) => {
      if (call.request !== undefined) judgeWrite(verbs.get(call.verb ?? -1), call.request, write)
    },
    see(entry) {
      if (entry.type === 'call' && entry.answer === true && entry.verb !== undefined) effective.add(entry.verb)
      if (entry.type === 'change') stateOf(entry.request).pending.push(entry.change)
      if (entry.type === 'fault' && entry.stage === 'after' && entry.request !== undefined) {
        const open = stateOf(entry.request)
        if (entry.verb === open.lastVerb) for (const one of [open, ...open.companions]) doubt(one)
      }
      if (entry.type === 'event' && entry.name === 'gone' && entry.request !== undefined) {
        const open = stateOf(entry.request)
        const isLost = open.isLost || open.pending.length > 0
        Object.assign(open, { pending: [], maybe: [], last: [], isOver: true, isOwn: false, isLost })
      }
      if (entry.type === 'event' && entry.name === 'superseded' && entry.request !== undefined) {
        stateOf(entry.request).isOver = true
      }
    },
    done(done, verb) {
      const open = stateOf(done.request)
      if (done.ok) judgeValue(verb, done.value, open)
      // Messages that were never stored were given out as they were.
      if (done.ok && verb.change?.kind === 'drain') {
        open.pending = open.pending.filter(({ kind }) => kind !== 'flash')
        open.taken = open.maybe.flatMap((change) => (change.kind === 'flash' ? [change.message] : []))
        open.maybe = open.maybe.filter(({ kind }) => kind !== 'flash')
      }
      if (done.ok && (verb.name === 'destroy' || verb.name === 'logout' || verb.name === 'login')) {
        const isOver = isOverAfter(verb, open.isOver)
        Object.assign(open, { pending: [], maybe: [], last: [], isOver, isOwn: verb.name === 'destroy', isLost: false })
      }
      // After a save that was not answered nobody knows whether the changes were lost, and the error says so.
      const isInDoubt = done.code === 'store-unavailable' && open.isLost
      if (!done.ok && (done.code === 'gone' || done.code === 'superseded' || isInDoubt)) {
        open.isLost = false
        // A login too says of what it was to keep that it is lost, and it is gone from then on.
        if (verb.name === 'save' || verb.name === 'commit' || verb.name === 'login') open.pending = []
      }
      // Done to a session that is over or not stored: a login may still take it along.
      if (done.ok && verb.change !== undefined && open.isOver && !effective.has(verb.verb))
        open.pending.push(verb.change)
      const isEnd = done.ok && (verb.name === 'commit' || verb.name === 'save')
      if (isEnd && open.isLost) blame(`${verb.name} passed although others had ended the session under its changes`)
      // Of a session that is over nothing can be taken out.
      const due = open.isOver ? open.pending.filter(({ kind }) => kind !== 'take' && kind !== 'drain') : open.pending
      if (isEnd && !(open.isOver && open.isOwn) && due.length > 0) {
        blame(`${verb.name} acknowledged ${JSON.stringify(due)}, which was never stored`)
      }
    },
  }
}

/** What a request may and must have stored. */
function partOf({ maybe, pending }: Open): readonly [readonly Change[], readonly Change[]] {
  return [maybe, pending]
}

function without(messages: readonly string[], { $flash = [], ...data }: Content): Content {
  const left = $flash.filter(({ message }) => !messages.includes(message))
  return left.length === 0 ? data : { ...data, $flash: left }
}

function subsets<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.reduce<readonly (readonly T[])[]>((all, item) => [...all, ...all.map((one) => [...one, item])], [[]])
}

function orders<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

/** The changes of several requests one after the other, each with any of those that may have been stored before. */
function choices(
  parts: readonly (readonly [maybe: readonly Change[], stored: readonly Change[]])[],
): readonly (readonly Change[])[] {
  return parts.reduce<readonly (readonly Change[])[]>(
    (all, [maybe, stored]) => all.flatMap((one) => subsets(maybe).map((again) => [...one, ...again, ...stored])),
    [[]],
  )
}
