import { createWriteStream, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { finished } from 'node:stream/promises'
import { seededRandom } from '../../src/testing/random.ts'
import { checkFile } from './check/file.ts'
import type { Verdict } from './check/findings.ts'
import type { Crew } from './crew.ts'
import { startCrew } from './crew.ts'
import type { Entry, Window } from './history.ts'
import { CALM } from './proxy.ts'
import type { Blow, Rig, RigOptions } from './rigs/rig.ts'
import type { Crowd } from './visitors.ts'
import { letIn } from './visitors.ts'
import { weathers } from './weather.ts'

export interface CampaignOptions {
  readonly makeRig: (options: RigOptions) => Promise<Rig>
  readonly seed: number
  /** How many operations must be acknowledged. */
  readonly operations: number
  /** Part of the blows of a whole campaign; each comes at least once. */
  readonly share: number
  /** Keeps the history there, one entry a line. */
  readonly keepHistory?: string
  readonly tell?: (line: string) => void
}

export interface Report extends Verdict {
  readonly store: string
  readonly versions: readonly string[]
  readonly limitations: readonly string[]
  readonly seed: number
  /** What was done to it, by name. */
  readonly faults: ReadonlyMap<string, number>
  readonly windows: readonly Window[]
  readonly milliseconds: { readonly load: number; readonly audit: number; readonly check: number }
  readonly processes: number
  readonly visitors: number
}

const PROCESSES = 3
const VISITORS = 48
const PROCESS_KILLS = 10
/** A part of the campaign in which each process has one connection. */
const NARROW = { from: 0.55, to: 0.7 } as const
/** The weather changes so many times. */
const SPELLS = 28
const SETTLING_MS = 5_000

/** Loads the store through everything that can go wrong with it, and judges what the visitors saw. */
export async function campaign(options: CampaignOptions): Promise<Report> {
  const random = seededRandom(options.seed)
  const began = performance.now()
  const clock = (): number => performance.now() - began
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-history-'))
  // Also when the process is told to end.
  const forget = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', forget)
  const history = openHistory(options.keepHistory ?? join(folder, 'history.jsonl'))
  const rig = await options.makeRig({ random, clock })
  const complain = (text: string): void => history.write({ type: 'complaint', at: clock(), text })
  let crew: Crew | undefined
  try {
    crew = await startCrew(PROCESSES, (member) => rig.settingFor(member, false), complain)
    const { serve } = crew
    let isStruck = false
    const crowd = letIn({
      serve,
      record: (entry) => history.write(entry),
      seed: options.seed,
      acknowledged: options.operations,
      visitors: VISITORS,
      clock,
      verdict: () => (isStruck ? 'as planned' : 'go on'),
    })
    const { faults, windows } = await trouble({ options, random, clock, rig, crew, crowd }, () => (isStruck = true))
    const load = clock()
    await crowd.audit()
    const audit = clock()
    await history.close()
    const verdict = await checkFile(history.path, { windows, signsInByHops: rig.signsInByHops })
    for (const { counts } of rig.proxies) for (const [name, count] of counts) add(faults, name, count)
    const { store, versions, limitations } = rig
    const milliseconds = { load, audit: audit - load, check: clock() - audit }
    const setting = { store, versions, limitations, seed: options.seed, processes: PROCESSES, visitors: VISITORS }
    return { ...verdict, ...setting, faults, windows, milliseconds }
  } finally {
    await crew?.stop()
    await rig.stop()
    process.off('exit', forget)
    forget()
  }
}

interface Scene {
  readonly options: CampaignOptions
  readonly random: () => number
  readonly clock: () => number
  readonly rig: Rig
  readonly crew: Crew
  readonly crowd: Crowd
}

/** Everything that is to happen, each at its share of the acknowledged operations, one after the other. */
async function trouble(
  scene: Scene,
  allStruck: () => void,
): Promise<{ readonly faults: Map<string, number>; readonly windows: Window[] }> {
  const { options, clock, rig, crowd } = scene
  const faults = new Map<string, number>()
  const windows: Window[] = []
  for (const { at, name, strike } of planOf(scene)) {
    while (crowd.acknowledged() < at * options.operations) await sleep(20)
    const from = clock()
    const loss = await strike()
    if (loss !== undefined) windows.push({ type: 'window', from: loss.since, to: clock(), loses: loss.loses })
    if (name === '') continue
    add(faults, name, 1)
    options.tell?.(
      `${Math.round(from / 1000)} s, ${crowd.acknowledged()} done: ${name}, ${Math.round(clock() - from)} ms`,
    )
  }
  allStruck()
  await crowd.done
  // Nothing is held back any more, and what was under way has arrived or been given up.
  for (const proxy of rig.proxies) proxy.setWeather(CALM)
  await sleep(SETTLING_MS)
  return { faults, windows }
}

interface Event {
  readonly at: number
  readonly name: string
  readonly strike: Blow['strike']
}

function planOf({ options, random, rig, crew }: Scene): readonly Event[] {
  const spread = (name: string, times: number, strike: Blow['strike']): Event[] => {
    const count = Math.max(1, Math.round(times * options.share))
    return Array.from({ length: count }, (_, index) => ({ at: (index + random()) / count, name, strike }))
  }
  const replace = (isNarrow: boolean) => (): Promise<void> =>
    crew.replaceAll((member) => rig.settingFor(member, isNarrow))
  return [
    ...rig.blows.flatMap(({ name, times, strike }) => spread(name, times, strike)),
    ...spread('process of the application killed with -9', PROCESS_KILLS, () =>
      crew.killOne(Math.floor(random() * 100)),
    ),
    ...(rig.hasPool
      ? [
          { at: NARROW.from, name: 'pool of one connection', strike: replace(true) },
          { at: NARROW.to, name: 'pool of many connections again', strike: replace(false) },
        ]
      : []),
    ...Array.from({ length: SPELLS }, (_, index) => ({
      at: index / SPELLS,
      name: '',
      strike: async () => {
        for (const proxy of rig.proxies) proxy.setWeather(weathers[index % weathers.length]![1])
      },
    })),
  ].toSorted((a, b) => a.at - b.at)
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count)
}

function openHistory(path: string) {
  const stream = createWriteStream(path)
  return {
    path,
    write: (entry: Entry): void => void stream.write(`${JSON.stringify(entry)}\n`),
    async close() {
      stream.end()
      await finished(stream)
    },
  }
}
