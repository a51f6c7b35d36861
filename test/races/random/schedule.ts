import { seededRandom } from '../../../src/testing/index.ts'
import type { Client, TestClock } from '../../support/bed.ts'
import { factsFor, newClient, receive, settled, testClock } from '../../support/bed.ts'
import type { FullStore } from '../../support/stores.ts'
import { recordsIn } from '../../support/stores.ts'
import type { Entry } from './history.ts'
import type { Random, RequestPlan, SchedulePlan } from './plan.ts'
import { USERS, pick, planOf } from './plan.ts'
import { serve, viewOf } from './request.ts'
import type { Sabotage, World } from './world.ts'
import { Fault, newWorld } from './world.ts'

/** A response on its way to the client. */
interface Mail {
  readonly request: number
  readonly client: number
  readonly cookies: readonly string[]
}

interface Run {
  readonly world: World
  readonly random: Random
  readonly clients: readonly Client[]
  readonly waiting: RequestPlan[]
  readonly running: Set<number>
  readonly mail: Mail[]
  begun: number
}

/** A schedule that has been played to its end. */
export interface Played {
  readonly seed: number
  readonly plan: SchedulePlan
  readonly entries: readonly Entry[]
}

/** Where a schedule is played. */
export interface Ground {
  readonly store: FullStore
  readonly clock: TestClock
}

/** Plays the schedule of that seed: every choice in it comes from the seed, and none from the time that things take. */
export async function play(seed: number, ground: Ground, sabotage: Sabotage = {}): Promise<Played> {
  const random = seededRandom(seed)
  const plan = planOf(random)
  const world = newWorld(ground.store, ground.clock, plan.options, sabotage)
  world.paused.hold({ stage: 'before' })
  world.paused.hold({ stage: 'after' })
  const clients = Array.from({ length: plan.clients }, () => newClient())
  const run: Run = { world, random, clients, waiting: [], running: new Set(), mail: [], begun: 0 }
  for (const request of plan.first) await playOut(run, [request], { ...plan, faults: 0, jumps: 0 })
  await playOut(run, plan.requests, plan)
  world.paused.releaseAll()
  await Promise.all(world.managers.map((manager) => manager.sweep()))
  await lookAround(world)
  return { seed, plan, entries: world.history.entries }
}

async function playOut(run: Run, requests: readonly RequestPlan[], plan: SchedulePlan): Promise<void> {
  run.waiting.push(...requests)
  while (run.waiting.length > 0 || run.running.size > 0 || run.mail.length > 0) {
    // A millisecond for each step, so that no two records have one age.
    run.world.clock.advance(1)
    await step(run, plan)
    await quiet(run.world)
  }
}

/** A clock for schedules that follow each other on one store. */
export const scheduleClock: () => TestClock = testClock

/** Lets everything run that can. */
async function quiet(world: World): Promise<void> {
  await settled()
  await world.idle()
  await settled()
}

const JUMPS: readonly number[] = [1, 1, 1, 5, 5, 11, 11, 61, 61, 240, 960, 3660].map((seconds) => seconds * 1000)

async function step(run: Run, plan: SchedulePlan): Promise<void> {
  const { world, random } = run
  if (random() < plan.jumps) {
    const by = pick(random, JUMPS)
    world.clock.advance(by)
    return world.history.log({ type: 'advance', by })
  }
  const held = world.paused.held()
  const mayBegin = run.waiting.length > 0 && run.running.size < plan.width
  const choices = held.length + run.mail.length + (mayBegin ? 1 : 0)
  // Only a request that waits for a timer is left.
  if (choices === 0) return new Promise((resolve) => void setTimeout(resolve, 1))
  const choice = Math.floor(random() * choices)
  const call = held[choice]
  if (call === undefined) return choice < held.length + run.mail.length ? deliver(run) : begin(run)
  return random() < plan.faults ? call.fail(new Fault(call.stage)) : call.release()
}

function begin(run: Run): void {
  const plan = run.waiting.shift()
  const client = run.clients[plan?.client ?? 0]
  if (plan === undefined || client === undefined) return
  const request = ++run.begun
  run.running.add(request)
  void serve(run.world, plan, request, client).then((cookies) => {
    run.running.delete(request)
    run.mail.push({ request, client: plan.client, cookies })
  })
}

function deliver(run: Run): void {
  const [mail] = run.mail.splice(Math.floor(run.random() * run.mail.length), 1)
  const client = run.clients[mail?.client ?? 0]
  if (mail === undefined || client === undefined) return
  receive(client, mail)
  run.world.history.log({ type: 'delivered', request: mail.request, client: mail.client })
}

/** When all is over: what every token that was ever seen opens, what the lists show, and what is left. */
async function lookAround({ history, managers, raw }: World): Promise<void> {
  const [manager] = managers
  if (manager === undefined) return
  const tokens = new Set(history.entries.flatMap((entry) => (entry.type === 'done' ? (entry.after.token ?? []) : [])))
  let request = 1000
  for (const token of tokens) {
    const cause = { request: ++request, verb: request * 100 }
    history.log({ type: 'begin', request, client: -1, token })
    const session = await history.because(cause, () =>
      manager.openReadOnly(factsFor({ jar: new Map([['__Host-id', token]]) })),
    )
    history.log({ type: 'opened', request, view: viewOf(session) })
  }
  for (const user of USERS) {
    await manager.forSubject(user).list()
    await manager.forSubject(user).count()
  }
  const keys = (await recordsIn(raw)).map(([key]) => key)
  history.log({ type: 'left', keys })
}
