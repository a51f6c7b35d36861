import type { Route } from '../lib/load.ts'
import type { Round, Run } from '../lib/measure.ts'
import { type Figure, figureOf } from '../lib/stats.ts'
import type { Weight } from '../lib/weight.ts'
import { type Subject, subjects } from '../subjects.ts'

/** Everything that a benchmark found. */
export interface Results {
  readonly date: string
  readonly machine: string
  readonly system: string
  readonly node: string
  readonly cores: string
  /** Name and version of what took part. */
  readonly versions: Readonly<Record<string, string>>
  readonly settings: string
  readonly rounds: readonly Round[]
  /** What could not be measured, and why. */
  readonly missing: readonly string[]
  readonly weights: Readonly<Record<string, Weight>>
  /** Bytes of the heap per session. */
  readonly memory: Readonly<Record<string, number>>
  readonly memorySessions: number
  /** Wake-ups a second of an idle process. */
  readonly idle: Readonly<Record<string, number>>
}

/** Questions to the results. */
export interface Answers {
  readonly results: Results
  /** The subjects that were measured, in the table's order. */
  readonly subjects: readonly Subject[]
  has(name: string): boolean
  /** A figure of a route over the rounds. */
  of(name: string, route: Route, pick: (run: Run) => number | undefined): Figure | undefined
  /** CPU over the bare framework of the same round, in microseconds per request. */
  over(name: string, route: Route): Figure | undefined
  /** A figure of the subject as a whole over the rounds. */
  whole(name: string, pick: (round: Round) => number | undefined): Figure | undefined
  /** Start-up over the bare framework of the same round, in milliseconds. */
  startup(name: string): Figure | undefined
}

/** The bare framework below a subject. */
export function bareOf(subject: Subject): string {
  return `bare-${subject.framework}`
}

export function answersOf(results: Results): Answers {
  const roundsOf = (name: string): readonly Round[] => results.rounds.filter(({ subject }) => subject === name)
  const measured = subjects.filter(({ name }) => roundsOf(name).length > 0)
  const bareFor = (name: string): readonly Round[] => {
    const subject = subjects.find((candidate) => candidate.name === name)
    return subject === undefined ? [] : roundsOf(bareOf(subject))
  }
  // Rounds are paired by their order: a round is measured against the bare framework of the same round.
  const paired = (name: string, cost: (round: Round, bare: Round) => number | undefined): Figure | undefined => {
    const bare = bareFor(name)
    return figureOf(roundsOf(name).flatMap((round, index) => orNone(bare[index] && cost(round, bare[index]))))
  }
  return {
    results,
    subjects: measured,
    has: (name) => roundsOf(name).length > 0,
    of: (name, route, pick) => figureOf(roundsOf(name).flatMap(({ runs }) => orNone(runs[route] && pick(runs[route])))),
    over: (name, route) =>
      paired(name, ({ runs }, bare) => {
        const [cpu, below] = [runs[route]?.cpu, bare.runs.anonymous?.cpu]
        return cpu === undefined || below === undefined ? undefined : cpu - below
      }),
    whole: (name, pick) => figureOf(roundsOf(name).flatMap((round) => orNone(pick(round)))),
    startup: (name) => paired(name, (round, bare) => round.startup - bare.startup),
  }
}

function orNone(value: number | undefined): number[] {
  return value === undefined ? [] : [value]
}
