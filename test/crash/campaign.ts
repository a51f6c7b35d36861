import { setTimeout } from 'node:timers/promises'
import { seededRandom } from 'sojourn/testing'
import { temporaryFolder } from '../reading-room/support/server.ts'
import type { Application, Setting, StoreName } from './application.ts'
import { cutStart, openRoom, startApplication } from './application.ts'
import { damageIn, scanAll } from './inspect.ts'
import type { Entry, Finding, Ledger } from './ledger.ts'
import { createLedger } from './ledger.ts'
import { productIds, registerReaders } from './readers.ts'
import type { Visitor } from './visitor.ts'
import { createVisitor } from './visitor.ts'

export interface CampaignOptions {
  readonly store: StoreName
  /** The most. */
  readonly kills: number
  readonly seed: number
  /** Ends the campaign after the round that is under way; its process is gone then. */
  readonly signal: AbortSignal
  readonly preload?: URL
  /** Whether these findings suffice, so that no further kill is needed. */
  readonly isEnough: (findings: readonly Finding[]) => boolean
}

export interface Report {
  readonly kills: number
  readonly findings: readonly Finding[]
  readonly acknowledged: ReadonlyMap<string, number>
  /** Requests that were under way when the application was killed. */
  readonly doubted: number
  /** From the start of the process to its first page, for each start after a kill, shortest first, in milliseconds. */
  readonly startTimes: readonly number[]
  /** Sessions that lived at the end. */
  readonly live: number
  /** How many cookies were given out, and compared at the end. */
  readonly cookies: number
}

const VISITORS = 6
const READERS = 4_000
const LONGEST_LOAD_MS = 300
/** One start in so many is itself killed, and tried again. */
const CUT_STARTS = 10
/** How many cookies of earlier rounds are looked at in each round. */
const OTHERS = 12
const LOOKS_AT_ONCE = 8

/** Starts, loads and kills the application again and again on the same data, and compares after each start. */
export async function campaign(options: CampaignOptions): Promise<Report> {
  const folder = temporaryFolder()
  try {
    const setting = {
      store: options.store,
      dataFolder: folder.path,
      ...(options.preload && { preload: options.preload }),
    }
    return await run(options, setting)
  } finally {
    folder.remove()
  }
}

async function run({ kills, seed, signal, isEnough }: CampaignOptions, setting: Setting): Promise<Report> {
  const random = seededRandom(seed)
  const ledger = createLedger()
  const visitors = await prepare(setting, ledger, random)
  const startTimes: number[] = []
  let lastKill = 0
  while (ledger.round < kills && !isEnough(ledger.findings)) {
    signal.throwIfAborted()
    if (ledger.round > 0 && random() < 1 / CUT_STARTS) await cutStart(setting, random() * (startTimes.at(-1) ?? 0))
    const app = await startApplication(setting)
    try {
      if (ledger.round > 0) startTimes.push(app.startedIn)
      await compare(app, ledger, ledger.due(OTHERS, random))
      for (const damage of ledger.round > 0 ? damageIn(setting, lastKill) : []) ledger.report('damaged', damage)
      ledger.round++
      lastKill = Date.now()
      await loadAndKill(app, ledger, visitors, random() * LONGEST_LOAD_MS)
    } finally {
      await app.kill()
    }
  }
  const live = await audit(setting, ledger, startTimes)
  return {
    kills: ledger.round,
    findings: ledger.findings,
    acknowledged: ledger.acknowledged,
    doubted: ledger.doubted(),
    startTimes: startTimes.toSorted((a, b) => a - b),
    live,
    cookies: ledger.all().length,
  }
}

/** The first start makes the databases; the readers' accounts are added before the second. */
async function prepare(setting: Setting, ledger: Ledger, random: () => number): Promise<readonly Visitor[]> {
  const app = await startApplication(setting)
  await app.stop()
  const db = openRoom(setting)
  try {
    const readers = [...registerReaders(db, READERS)]
    const products = productIds(db)
    const nextReader = (): (typeof readers)[number] => {
      const reader = readers.pop()
      if (reader === undefined) throw new Error('the campaign needs more readers')
      return reader
    }
    return Array.from({ length: VISITORS }, () =>
      createVisitor({ ledger, products, nextReader }, seededRandom(random() * 2 ** 32)),
    )
  } finally {
    db.close()
  }
}

/** Lets the visitors go about their business, and kills the application in the middle of it. */
async function loadAndKill(
  app: Application,
  ledger: Ledger,
  visitors: readonly Visitor[],
  after: number,
): Promise<void> {
  let isKilled = false
  const stay = async (visitor: Visitor): Promise<void> => {
    while (await visitor.act(app.client)) if (isKilled) return
    if (!isKilled) ledger.report('not served', `before the kill; the application says: ${app.errors().slice(0, 400)}`)
  }
  const load = Promise.all(visitors.map(stay))
  // The one place where a test waits for real time: the moment of the kill must be none that the code could choose.
  await setTimeout(after)
  isKilled = true
  await app.kill()
  await load
}

/** Opens the front page with each cookie. */
async function compare({ client }: Application, ledger: Ledger, entries: readonly Entry[]): Promise<void> {
  const rest = [...entries]
  const worker = async (): Promise<void> => {
    for (let entry = rest.pop(); entry !== undefined; entry = rest.pop()) {
      const answer = await client.request('/', { cookie: entry.cookie })
      const page = await answer?.page
      if (answer?.status === 200 && page !== undefined) ledger.compare(entry, page.contents)
      else ledger.report('not served', `the front page: ${answer?.status}`)
    }
  }
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, worker))
  ledger.compareGroups()
}

/** After the last kill: every cookie that was ever given out, and every record. */
async function audit(setting: Setting, ledger: Ledger, startTimes: number[]): Promise<number> {
  const app = await startApplication(setting)
  try {
    startTimes.push(app.startedIn)
    await compare(app, ledger, ledger.all())
    for (const damage of damageIn(setting, 0)) ledger.report('damaged', damage)
    const { code } = await app.stop()
    if (code !== 0) ledger.report('refused', `the last stop: ${code}`)
  } finally {
    await app.kill()
  }
  const { live, damage } = await scanAll(setting)
  for (const one of damage) ledger.report('damaged', one)
  const known = ledger.all().filter((entry) => entry.known !== undefined).length
  if (live < known) ledger.report('session lost', `the store lists ${live} sessions, ${known} were seen`)
  return live
}
