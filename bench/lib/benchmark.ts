import { cpus, release, totalmem, type } from 'node:os'
import type { Results } from '../report/results.ts'
import { type Subject, subjects } from '../subjects.ts'
import { cores, moveTo } from './cores.ts'
import { type Database, type DatabaseKind, databaseOf, isInstalled, openDatabase } from './databases.ts'
import { wakesWhenIdle } from './idle.ts'
import { measure, type Pace, type Round } from './measure.ts'
import { bytesPerSession, inMemory } from './memory.ts'
import { versionOf, weightOf } from './weight.ts'

export interface Plan {
  /** The load generator. */
  readonly wrk: string
  readonly isQuick: boolean
  /** Parts of names; all subjects without it. */
  readonly only: readonly string[] | undefined
  readonly rounds: number | undefined
}

const FULL = { seconds: 0.8, warmUp: 15_000, warmUpSeconds: 2, withBusy: true }
const QUICK = { seconds: 0.4, warmUp: 3_000, warmUpSeconds: 0.5, withBusy: false }
const FULL_ROUNDS = 3
const MILLION = 1_000_000

type Databases = ReadonlyMap<DatabaseKind, Database>

/** Measures the chosen subjects in interleaved rounds. */
export async function runBenchmark(plan: Plan): Promise<Results> {
  const missing: string[] = []
  const chosen = choose(plan)
  moveTo(cores.database)
  const databases = await openDatabases(chosen, plan, missing)
  moveTo(cores.load)
  try {
    const ready = chosen.filter(({ store }) => {
      const kind = databaseOf(store)
      return kind === undefined || databases.has(kind)
    })
    const rounds = await measureAll(ready, databases, plan, missing)
    const isFull = !plan.isQuick
    return {
      ...surroundings(ready, databases),
      settings: plan.isQuick ? 'quick: one short round, only to see that all of it works' : settingsOf(plan),
      rounds,
      missing,
      weights: Object.fromEntries(ready.map(({ name, packages }) => [name, weightOf(packages)])),
      memory: isFull ? await memoryOf(ready, missing) : {},
      memorySessions: MILLION,
      idle: isFull ? await idleOf(ready, databases, missing) : {},
    }
  } finally {
    for (const database of databases.values()) await database.stop()
  }
}

/** What is named, and the bare frameworks below it. */
function choose({ only, isQuick }: Plan): readonly Subject[] {
  const named = subjects.filter((subject) =>
    only === undefined ? !isQuick || subject.isQuick : only.some((word) => subject.name.includes(word)),
  )
  const frameworks = new Set(named.map(({ framework }) => framework))
  return subjects.filter(
    (subject) => named.includes(subject) || (subject.kind === 'bare' && frameworks.has(subject.framework)),
  )
}

async function openDatabases(chosen: readonly Subject[], plan: Plan, missing: string[]): Promise<Databases> {
  const opened = new Map<DatabaseKind, Database>()
  for (const kind of new Set(chosen.flatMap(({ store }) => databaseOf(store) ?? []))) {
    if (plan.isQuick && !isInstalled(kind)) {
      missing.push(`${kind}: its server is not installed, and --quick installs none; the full benchmark does`)
      continue
    }
    try {
      opened.set(kind, await openDatabase(kind))
    } catch (error) {
      missing.push(`${kind}: ${String(error)}`)
    }
  }
  return opened
}

async function measureAll(
  ready: readonly Subject[],
  databases: Databases,
  plan: Plan,
  missing: string[],
): Promise<readonly Round[]> {
  const rounds: Round[] = []
  const count = plan.rounds ?? (plan.isQuick ? 1 : FULL_ROUNDS)
  for (let n = 1; n <= count; n++) {
    // There and back, so that nobody is always measured after the same neighbour.
    const isReversed = n % 2 === 0
    const pace = { ...(plan.isQuick ? QUICK : FULL), isReversed }
    for (const subject of isReversed ? ready.toReversed() : ready) {
      const started = performance.now()
      const round = await attempt(subject, databases, plan.wrk, pace, missing)
      if (round !== undefined) rounds.push(round)
      console.error(`round ${n} of ${count}: ${subject.name}, ${((performance.now() - started) / 1000).toFixed(1)} s`)
    }
  }
  return rounds
}

/** A void run is made once more. */
async function attempt(
  subject: Subject,
  databases: Databases,
  wrk: string,
  pace: Pace,
  missing: string[],
): Promise<Round | undefined> {
  const kind = databaseOf(subject.store)
  const database = kind === undefined ? undefined : databases.get(kind)
  const run = () => measure(wrk, subject, database, pace)
  try {
    return await run().catch((error: unknown) => {
      console.error(`${subject.name}: once more, because: ${String(error)}`)
      return run()
    })
  } catch (error) {
    missing.push(`${subject.name}, one round: ${String(error)}`)
    return undefined
  }
}

async function memoryOf(ready: readonly Subject[], missing: string[]): Promise<Record<string, number>> {
  const bytes: Record<string, number> = {}
  for (const name of inMemory.filter((name) => ready.some((subject) => subject.name === name))) {
    console.error(`memory of a million sessions: ${name}`)
    try {
      bytes[name] = await bytesPerSession(name, MILLION)
    } catch (error) {
      missing.push(`${name}, memory: ${String(error)}`)
    }
  }
  return bytes
}

/** All at the same time: they do nothing. */
async function idleOf(
  ready: readonly Subject[],
  databases: Databases,
  missing: string[],
): Promise<Record<string, number>> {
  console.error('wake-ups of idle processes')
  const watched = ready.filter(({ kind, framework }) => kind !== 'peer' && framework === 'express')
  const wakes: Record<string, number> = {}
  const watch = async (subject: Subject): Promise<void> => {
    const kind = databaseOf(subject.store)
    try {
      wakes[subject.name] = await wakesWhenIdle(subject, kind === undefined ? undefined : databases.get(kind))
    } catch (error) {
      missing.push(`${subject.name}, idle: ${String(error)}`)
    }
  }
  await Promise.all(watched.map(watch))
  return wakes
}

function settingsOf({ rounds = FULL_ROUNDS }: Plan): string {
  return `${rounds} rounds of ${FULL.seconds} s per route, each with a new process`
}

function surroundings(ready: readonly Subject[], databases: Databases) {
  const processor = cpus()[0]?.model ?? 'unknown processor'
  const names = new Set(['express', 'fastify', 'koa', 'hono', '@hono/node-server', 'h3', '@adonisjs/core'])
  for (const name of ready.flatMap(({ packages }) => packages)) names.add(name)
  const servers = [...databases].map(([kind, { version }]) => [`${kind} server`, version] as const)
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${processor}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${type()} ${release()}`,
    node: process.version,
    cores: `server on core ${cores.server}, load on core ${cores.load}, databases on core ${cores.database}`,
    versions: {
      ...Object.fromEntries([...names].map((name) => [name, versionOf(name)])),
      ...Object.fromEntries(servers),
    },
  }
}
