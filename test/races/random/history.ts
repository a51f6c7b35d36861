import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../../../src/core/clock.ts'
import type { StoreMethod } from '../../../src/testing/index.ts'
import type { Change } from './changes.ts'

/** What a request asks of its session, or of the sessions of others; `open` and `commit` are its beginning and its end. */
export type VerbName =
  | 'open'
  | 'change'
  | 'save'
  | 'rotate'
  | 'login'
  | 'elevate'
  | 'logout'
  | 'destroy'
  | 'end-user'
  | 'end-one'
  | 'end-others'
  | 'revoke-all'
  | 'list'
  | 'commit'

/** What a request knows of its session at a moment. */
export interface View {
  readonly token: string | undefined
  readonly handle: string | undefined
  readonly subject: string | undefined
}

export interface VerbEntry {
  readonly type: 'verb'
  readonly request: number
  readonly verb: number
  readonly name: VerbName
  /** The change that an atomic verb makes. */
  readonly change?: Change
  readonly keep?: readonly string[] | 'all' | undefined
  /** Milliseconds for which the old token still leads on, after a rotation. */
  readonly grace?: number
  readonly before: View
}

export interface DoneEntry {
  readonly type: 'done'
  readonly request: number
  readonly verb: number
  readonly ok: boolean
  /** The error's code, or its text when it has none. */
  readonly code?: string
  readonly value?: unknown
  readonly after: View
}

/** A store call at the moment when it took effect. */
export interface CallEntry {
  readonly type: 'call'
  readonly request: number | undefined
  readonly verb: number | undefined
  readonly method: StoreMethod
  readonly args: readonly unknown[]
  readonly answer: unknown
}

export type Fact =
  | { readonly type: 'begin'; readonly request: number; readonly client: number; readonly token: string | undefined }
  | { readonly type: 'opened'; readonly request: number; readonly view: View }
  | { readonly type: 'change'; readonly request: number; readonly change: Change }
  | VerbEntry
  | DoneEntry
  | CallEntry
  /** A call that failed for its caller: it never took effect, or its answer was lost. */
  | {
      readonly type: 'fault'
      readonly request: number | undefined
      readonly verb: number | undefined
      readonly stage: 'before' | 'after'
    }
  | {
      readonly type: 'event'
      readonly request: number | undefined
      readonly name: string
      readonly event: Readonly<Record<string, unknown>>
    }
  | { readonly type: 'response'; readonly request: number; readonly cookies: readonly string[] }
  | { readonly type: 'delivered'; readonly request: number; readonly client: number }
  | { readonly type: 'advance'; readonly by: number }
  /** What the store holds at the end, by key. */
  | { readonly type: 'left'; readonly keys: readonly string[] }

/** Something that happened, in order; `at` by the one clock of the schedule. */
export type Entry = Fact & { readonly seq: number; readonly at: number }

/** Whose doing a store call or an event is. */
export interface Cause {
  readonly request: number
  readonly verb: number
}

/** Everything that happens in one schedule. */
export interface History {
  readonly entries: readonly Entry[]
  readonly log: (fact: Fact) => void
  /** Runs `fn`, and everything that comes of it, as the doing of that request's verb. */
  readonly because: <R>(cause: Cause, fn: () => R) => R
  readonly cause: () => Cause | undefined
}

// One for all histories: each that was ever used stays behind in the frame that Node copies at every run.
const causes = new AsyncLocalStorage<Cause>()

export function newHistory(now: Clock): History {
  const entries: Entry[] = []
  return {
    entries,
    log: (fact) => void entries.push({ ...fact, seq: entries.length, at: now() }),
    because: (cause, fn) => causes.run(cause, fn),
    cause: () => causes.getStore(),
  }
}

/** The history for people, one line for each entry, with short names for tokens, keys and handles. */
export function told(entries: readonly Entry[]): string {
  const names = new Map<string, string>()
  const short = (text: string): string =>
    text.replaceAll(/s1\.[\w-]{3}\.[\w-]{43}|(?<![\w-])(?:[\w-]{46}|[\w-]{22})(?![\w-])/g, (found) => {
      const kind = found.startsWith('s1.') ? 'key' : found.length === 46 ? 'token' : 'handle'
      const name = names.get(found) ?? `${kind}${names.size}`
      names.set(found, name)
      return name
    })
  const start = entries[0]?.at ?? 0
  return entries.map(({ seq, at, ...fact }) => `${seq} +${at - start} ${short(JSON.stringify(fact))}`).join('\n')
}
