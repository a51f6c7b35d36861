import { isSessionError } from '../../../src/core/errors.ts'
import type { Session } from '../../../src/core/session.ts'
import { stateOf } from '../../../src/core/session.ts'
import type { Client } from '../../support/bed.ts'
import { factsFor, tokenOf } from '../../support/bed.ts'
import type { Change, Data } from './changes.ts'
import { applyTo } from './changes.ts'
import type { VerbEntry, VerbName, View } from './history.ts'
import type { RequestPlan, Step } from './plan.ts'
import type { World } from './world.ts'

/** A request under way, with the numbers that the history knows it by. */
interface Running {
  readonly world: World
  readonly plan: RequestPlan
  readonly id: number
  readonly session: Session<Data>
  /** The token with which it came. */
  readonly token: string | undefined
  readonly nextVerb: () => number
}

const NOBODY: View = { token: undefined, handle: undefined, subject: undefined }

/** Serves one request as a front does, and writes down what it sees. Resolves with the response's cookies, if there is one. */
export async function serve(world: World, plan: RequestPlan, id: number, client: Client): Promise<readonly string[]> {
  const { history, managers } = world
  const manager = managers[plan.manager] ?? managers[0]
  if (manager === undefined) throw new RangeError('serve: a world without sessions')
  const nextVerb = counter(id)
  const token = tokenOf(client)
  history.log({ type: 'begin', request: id, client: plan.client, token })
  const facts = factsFor(client)
  const opening = { request: id, verb: nextVerb() }
  history.log({ type: 'verb', ...opening, name: 'open', before: NOBODY })
  try {
    const session = await history.because(opening, async () => manager.open(facts))
    history.log({ type: 'done', ...opening, ok: true, after: viewOf(session) })
    history.log({ type: 'opened', request: id, view: viewOf(session) })
    return await handle({ world, plan, id, session, token, nextVerb })
  } catch (error) {
    history.log({ type: 'done', ...opening, ok: false, code: codeOf(error), after: NOBODY })
    return []
  }
}

async function handle(running: Running): Promise<readonly string[]> {
  const { world, plan, id, session, token } = running
  for (const step of plan.steps) {
    const isGood = await perform(running, step)
    if (!isGood && plan.onFailure === 'give up') return []
    if (!isGood && plan.onFailure === 'commit') break
  }
  let cookies: readonly string[] = []
  const isGood = await verb(running, { name: 'commit' }, async () => {
    cookies = (await session.commit())?.cookies ?? []
  })
  if (!isGood) return []
  cookies = world.sabotage.cookies?.(cookies, token) ?? cookies
  world.history.log({ type: 'response', request: id, cookies })
  return cookies
}

async function perform(running: Running, step: Step): Promise<boolean> {
  const { session, world, id } = running
  switch (step.do) {
    case 'read':
      void session.get('list')
      return true
    case 'change':
      makeChange(session, step.change)
      world.history.log({ type: 'change', request: id, change: step.change })
      return true
    case 'atomic':
      return atomic(running, step.change)
    case 'together':
      return (await Promise.all(step.changes.map((change) => atomic(running, change)))).every(Boolean)
    case 'rotate':
      return rotate(running, step.grace)
    case 'login':
      return verb(running, { name: 'login', keep: step.keep }, () => session.login(step.user, { keep: step.keep }))
    case 'logout':
      return verb(running, { name: 'logout', keep: step.keep }, () => session.logout({ keep: step.keep }))
    case 'save':
      return verb(running, { name: 'save' }, () => session.save())
    case 'elevate':
      return verb(running, { name: 'elevate' }, () => session.elevate({ level: 2 }))
    case 'destroy':
      return verb(running, { name: 'destroy' }, () => session.destroy())
    case 'revoke-all':
      return verb(running, { name: 'revoke-all' }, () => running.world.managers[0]!.revokeAll())
    default:
      return administer(running, step.do, step.user)
  }
}

function rotate(running: Running, grace: '0s' | undefined): Promise<boolean> {
  const { session, world } = running
  const milliseconds = grace === undefined ? (world.managers[0]?.policy().rotationGrace ?? 0) : 0
  return verb(running, { name: 'rotate', grace: milliseconds }, () =>
    session.rotate(grace === undefined ? {} : { grace }),
  )
}

function administer(
  running: Running,
  name: 'end-user' | 'end-one' | 'end-others' | 'list',
  user: string,
): Promise<boolean> {
  const { session, world, plan } = running
  const sessions = world.managers[plan.manager]!.forSubject(user)
  return verb(running, { name }, async () => {
    if (name === 'end-user') return sessions.endAll()
    // A session of another user is no exception to the end of this user's sessions.
    if (name === 'end-others') return sessions.endAll({ except: session })
    const [oldest] = await sessions.list()
    return name === 'end-one' && oldest !== undefined ? sessions.end(oldest.handle) : undefined
  })
}

function makeChange(session: Session<Data>, change: Change): void {
  if (change.kind === 'flash') session.flash('info', change.message)
  else if (change.kind !== 'drain') applyTo(session.data, change)
}

function atomic(running: Running, change: Change): Promise<boolean> {
  const { session } = running
  return verb(running, { name: 'change', change }, async () => {
    if (change.kind === 'count') return session.increment('n', change.by)
    if (change.kind === 'take') return session.take('prize')
    if (change.kind === 'drain') return (await session.flashes()).map(({ message }) => message)
    return session.update(async (data) => {
      await Promise.resolve()
      if (change.kind !== 'flash') applyTo(data, change)
    })
  })
}

/** Runs it, and writes down its beginning and its end. True when it did not fail. */
async function verb(
  { world, session, id, nextVerb }: Running,
  what: Pick<VerbEntry, 'change' | 'keep' | 'grace'> & { readonly name: VerbName },
  run: () => Promise<unknown>,
): Promise<boolean> {
  const { history } = world
  const cause = { request: id, verb: nextVerb() }
  history.log({ type: 'verb', ...cause, ...what, before: viewOf(session) })
  try {
    const value = await history.because(cause, run)
    history.log({ type: 'done', ...cause, ok: true, value, after: viewOf(session) })
    return true
  } catch (error) {
    history.log({ type: 'done', ...cause, ok: false, code: codeOf(error), after: viewOf(session) })
    return false
  }
}

export function viewOf(session: Session<Data>): View {
  return { token: stateOf(session).token, handle: session.handle, subject: session.subject }
}

function codeOf(error: unknown): string {
  return isSessionError(error) ? error.code : String(error)
}

function counter(request: number): () => number {
  let count = 0
  return () => request * 100 + count++
}
