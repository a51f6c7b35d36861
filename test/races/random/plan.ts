import type { Change } from './changes.ts'
import type { VerbName } from './history.ts'
import type { Options } from './world.ts'

/** One thing that a request does. */
export type Step =
  | { readonly do: 'change'; readonly change: Change }
  | { readonly do: 'atomic'; readonly change: Change }
  | { readonly do: 'together'; readonly changes: readonly Change[] }
  | { readonly do: 'rotate'; readonly grace: '0s' | undefined }
  | { readonly do: 'login'; readonly user: string; readonly keep: readonly KeptKey[] | 'all' }
  | { readonly do: 'logout'; readonly keep: readonly KeptKey[] | 'all' }
  | { readonly do: 'end-user' | 'end-one' | 'end-others' | 'list'; readonly user: string }
  | { readonly do: Extract<VerbName, 'save' | 'elevate' | 'destroy' | 'revoke-all'> }
  | { readonly do: 'read' }

type KeptKey = 'own' | 'list' | 'n'

export interface RequestPlan {
  readonly client: number
  readonly manager: number
  readonly steps: readonly Step[]
  /** What it does when something fails: go on, end with an error page and no commit, or commit all the same. */
  readonly onFailure: 'go on' | 'give up' | 'commit'
}

/** All that is decided before a schedule begins. */
export interface SchedulePlan {
  readonly options: Options
  readonly clients: number
  /** Played one after the other, without faults: they make the sessions that the others meet in. */
  readonly first: readonly RequestPlan[]
  readonly requests: readonly RequestPlan[]
  /** How many requests may be under way at a time. */
  readonly width: number
  /** How often a held call fails instead of going on. */
  readonly faults: number
  /** How often the clock jumps instead. */
  readonly jumps: number
}

export type Random = () => number

export const USERS: readonly string[] = ['ann', 'bob']

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T
}

export function planOf(random: Random): SchedulePlan {
  const clients = 1 + Math.floor(random() * 3)
  const width = 2 + Math.floor(random() * 5)
  const next = valuesOf()
  // Half of the schedules leave the sessions alone for the most part, so that more requests meet in one.
  const choose = choiceOf(random() < 0.5 ? 1 : 0.2)
  return {
    options: optionsOf(random),
    clients,
    width,
    first: Array.from({ length: clients }, (_, client) => firstOf(random, client, next)).filter(() => random() < 0.8),
    requests: Array.from({ length: 3 + Math.floor(random() * 6) }, () =>
      requestOf(random, clients, () => choose(random, next)),
    ),
    faults: pick(random, [0, 0, 0.03, 0.1]),
    jumps: pick(random, [0, 0.03, 0.08]),
  }
}

function optionsOf(random: Random): Options {
  const grace = pick(random, ['10s', '10s', '0s'] as const)
  const every = pick(random, [undefined, undefined, '3m'] as const)
  const perSubject = pick(random, [
    undefined,
    { max: 1, onLimit: 'evict-oldest' },
    { max: 2, onLimit: 'evict-oldest' },
    { max: 1, onLimit: 'reject' },
  ] as const)
  return {
    rotation: { grace, ...(every === undefined ? {} : { every }) },
    ...(perSubject === undefined ? {} : { perSubject }),
    ...(random() < 0.3 ? { timeouts: { idle: '15m', absolute: '1h', touchEvery: '0s' } as const } : {}),
  }
}

function firstOf(random: Random, client: number, next: () => string): RequestPlan {
  const user = random() < 0.6 ? USERS[Math.floor(random() * USERS.length)] : undefined
  const steps: Step[] = [
    { do: 'atomic', change: { kind: 'put', prize: next() } },
    { do: 'change', change: { kind: 'flash', message: next() } },
    { do: 'change', change: { kind: 'own', key: next() } },
    ...(user === undefined ? [] : [{ do: 'login', user, keep: 'all' } as const]),
  ]
  return { client, manager: 0, steps, onFailure: 'go on' }
}

function requestOf(random: Random, clients: number, nextStep: () => Step): RequestPlan {
  return {
    client: Math.floor(random() * clients),
    manager: random() < 0.3 ? 1 : 0,
    steps: Array.from({ length: 1 + Math.floor(random() * 4) }, nextStep),
    onFailure: pick(random, ['go on', 'give up', 'commit'] as const),
  }
}

function valuesOf(): () => string {
  let count = 0
  return () => `v${++count}`
}

type Make = (random: Random, next: () => string) => Step

const keepOf = (random: Random): readonly KeptKey[] | 'all' =>
  pick(random, [[], ['own', 'n'], ['list'], 'all', 'all'] as const)

const changes: readonly (readonly [weight: number, make: Make])[] = [
  [2, () => ({ do: 'read' })],
  [5, (_, next) => ({ do: 'change', change: { kind: 'own', key: next() } })],
  [5, (_, next) => ({ do: 'change', change: { kind: 'append', item: next() } })],
  [3, (_, next) => ({ do: 'change', change: { kind: 'shared', value: next() } })],
  [2, (_, next) => ({ do: 'change', change: { kind: 'flash', message: next() } })],
  [5, (random, next) => ({ do: 'atomic', change: atomicOf(random, next) })],
  [2, (random, next) => ({ do: 'together', changes: [atomicOf(random, next), atomicOf(random, next)] })],
  [3, () => ({ do: 'save' })],
  [3, (random) => ({ do: 'rotate', grace: random() < 0.2 ? '0s' : undefined })],
]

const verbs: readonly (readonly [weight: number, make: Make])[] = [
  [4, (random) => ({ do: 'login', user: pick(random, USERS), keep: keepOf(random) })],
  [2, () => ({ do: 'elevate' })],
  [2, (random) => ({ do: 'logout', keep: keepOf(random) })],
  [1, () => ({ do: 'destroy' })],
  [1, (random) => ({ do: 'end-user', user: pick(random, USERS) })],
  [1, (random) => ({ do: 'end-one', user: pick(random, USERS) })],
  [1, (random) => ({ do: 'end-others', user: pick(random, USERS) })],
  [1, (random) => ({ do: 'list', user: pick(random, USERS) })],
  [0.3, () => ({ do: 'revoke-all' })],
]

/** Chooses steps; the verbs that replace and end sessions as often as `share` says. */
function choiceOf(share: number): Make {
  const steps = [...changes, ...verbs.map(([weight, make]) => [weight * share, make] as const)]
  const total = steps.reduce((sum, [weight]) => sum + weight, 0)
  return (random, next) => {
    let lot = random() * total
    for (const [weight, make] of steps) {
      lot -= weight
      if (lot < 0) return make(random, next)
    }
    return { do: 'read' }
  }
}

function atomicOf(random: Random, next: () => string): Change {
  return pick<(value: string) => Change>(random, [
    () => ({ kind: 'count', by: 1 + Math.floor(random() * 3) }),
    () => ({ kind: 'count', by: 1 }),
    (prize) => ({ kind: 'put', prize }),
    () => ({ kind: 'take' }),
    () => ({ kind: 'take' }),
    () => ({ kind: 'drain' }),
    (item) => ({ kind: 'note', item }),
  ])(next())
}
