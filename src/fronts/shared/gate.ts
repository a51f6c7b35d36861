import type { Outcome } from '../../core/web/response.ts'
import { applyOutcome } from '../../core/web/response.ts'
import { plainAnswer } from './failure.ts'
import { noteWaiting } from './drain.ts'
import type { Replaced, SenderCall } from './methods.ts'
import type { HeldBack } from './held-response.ts'
import { seemSent, sentError } from './held-response.ts'
import { replaceSenders } from './methods.ts'
import type { Head, NodeResponse } from './node-response.ts'
import { headOf, headersOf, isUntouched, messageOf, resetHead, sendAnswer, setStatus } from './node-response.ts'
import { addToHead, type AddToHead, statusOfHeadCall } from './write-head.ts'

/** The part of a session that the gate calls. */
export interface Committable {
  /** @param response one that tells of its end. */
  commit(response?: NodeResponse): Outcome | undefined | Promise<Outcome | undefined>
}

/** Stands before a response: nothing of it leaves until the session is committed. */
export interface Gate {
  /** Lets the response say again what it said when the gate was put up. What leaves carries the session all the same. */
  reset(): void
}

interface State extends HeldBack {
  readonly response: NodeResponse
  readonly session: Committable
  readonly onFailure: (error: unknown) => void
  readonly before: Head
  readonly addToHead: AddToHead
  methods: Replaced
  /** `failed`: only the error's own response passes. */
  phase: 'shut' | 'held' | 'open' | 'failed'
  outcome: Outcome | undefined
  error: unknown
  /** The calls since the first, in order. */
  held: SenderCall[]
  status: number
  message: unknown
  isHeld: boolean
  isEnded: boolean
  owesDrain: boolean
  isCovered: boolean
  endWaiting: ReturnType<typeof noteWaiting> | undefined
  /** Whether the head was asked for, for a call that implies it. */
  isHeadCalled: boolean
  /** Whether a failed page's own calls can be told by the way they come. */
  isBypassed: boolean
  /** While `onFailure` runs, every call is the error's own. */
  isAnswering: boolean
}

/**
 * Commits the session at the first call that would send something. When there is nothing to write the call goes straight
 * through. Otherwise all calls wait in order until the store has answered: the client must not follow a redirect before
 * what it leads to is saved. `write` returns false meanwhile, so that pipes stop and memory stays bounded.
 *
 * What other middleware has put over the response sees head and body in their order, also while they are held back: a
 * call that implies the head first runs `writeHead` as it is on the response.
 *
 * If the commit fails, nothing of the page is sent: the response is again what it was, and `onFailure` answers with it.
 */
export function gateResponse(
  response: NodeResponse,
  session: Committable,
  onFailure: (error: unknown) => void,
  add: AddToHead = addToHead,
): Gate {
  const state: State = {
    response,
    methods: replaceSenders(response, (call) => pass(state, call)),
    session,
    onFailure,
    before: headOf(response),
    addToHead: add,
    phase: 'shut',
    outcome: undefined,
    error: undefined,
    held: [],
    status: response.statusCode,
    message: undefined,
    isHeld: false,
    isEnded: false,
    owesDrain: false,
    isCovered: false,
    endWaiting: undefined,
    isHeadCalled: false,
    isBypassed: false,
    isAnswering: false,
  }
  return { reset: () => resetHead(response, state.before) }
}

function pass(state: State, call: SenderCall): unknown {
  if (state.phase === 'held') return hold(state, call)
  if (call.name === 'flush') return forward(state, call)
  // What comes here still comes from above, where the replacement is out of reach.
  if (state.phase === 'open') return send(state, call)
  if (state.phase === 'shut') return seal(state, call)
  return state.isBypassed ? refuseCall(state, call) : passAfterFailure(state, call)
}

function forward(state: State, call: SenderCall): unknown {
  return state.methods.call(call)
}

function seal(state: State, call: SenderCall): unknown {
  if (call.name === 'writeHead') {
    // Node throws for it and sends nothing; the response is still the application's.
    if (statusOfHeadCall(call.args) === undefined) return forward(state, call)
  } else if (call.name !== 'end' && !state.isHeadCalled && state.methods.isCovered('writeHead')) {
    // Not for `end`: nothing comes after it, and Node tells the length of a body only while there is no head.
    state.isHeadCalled = true
    state.response.writeHead(state.response.statusCode)
    return pass(state, call)
  }
  const outcome = state.session.commit(state.response)
  if (outcome instanceof Promise) {
    holdBack(state)
    // Neither of the two throws: what goes wrong in them is given to `onFailure`.
    void outcome.then(
      (value) => release(state, value),
      (error: unknown) => refuse(state, error),
    )
    return hold(state, call)
  }
  open(state, outcome)
  return send(state, call)
}

function open(state: State, outcome: Outcome | undefined): void {
  state.phase = 'open'
  state.outcome = outcome
  state.methods.restore()
}

/** Makes the call that sends the head, with what the session adds to it. */
function send(state: State, call: SenderCall): unknown {
  const { response, outcome } = state
  if (outcome === undefined || response.headersSent) return forward(state, call)
  if (call.name !== 'writeHead') {
    applyOutcome(outcome, headersOf(response))
    return forward(state, call)
  }
  const before = headOf(response)
  try {
    return forward(state, { name: call.name, args: state.addToHead(response, outcome, call.args) })
  } catch (error) {
    resetHead(response, before)
    rearm(state)
    throw error
  }
}

/** Node did not take a head. Whatever is sent instead must carry the session all the same. */
function rearm(state: State): void {
  state.methods = replaceSenders(state.response, (call) => {
    state.methods.restore()
    return send(state, call)
  })
}

function holdBack(state: State): void {
  const { response } = state
  state.phase = 'held'
  state.isHeld = true
  state.status = response.statusCode
  state.message = messageOf(response)
  state.isCovered = state.methods.isCovered('write')
  state.endWaiting = noteWaiting(response)
  seemSent(response, state)
}

function hold(state: State, call: SenderCall): unknown {
  if (call.name === 'writeHead') {
    if (state.held.length > 0) throw sentError(state.response)
    adoptStatus(state, call.args)
  }
  state.held.push(call)
  if (call.name === 'write') state.owesDrain = true
  if (call.name === 'end') state.isEnded = true
  return answerOf(state, call)
}

function adoptStatus(state: State, args: readonly unknown[]): void {
  state.status = statusOfHeadCall(args) ?? state.status
  if (typeof args[1] === 'string') state.message = args[1]
  setStatus(state.response, state.status, state.message)
}

function answerOf(state: State, { name }: SenderCall): unknown {
  if (name === 'write') return false
  return name === 'flushHeaders' || name === 'flush' ? undefined : state.response
}

function letGo(state: State): readonly SenderCall[] {
  const { held } = state
  state.held = []
  state.isHeld = false
  return held
}

function release(state: State, outcome: Outcome | undefined): void {
  const { response } = state
  const [first, ...rest] = letGo(state)
  open(state, outcome)
  setStatus(response, state.status, state.message)
  try {
    if (first !== undefined) send(state, first)
    for (const call of rest) forward(state, call)
  } catch (error) {
    resetHead(response, state.before)
    state.onFailure(error)
    return
  }
  state.endWaiting?.(state.owesDrain && !state.isEnded && !response.writableNeedDrain)
}

function refuse(state: State, error: unknown): void {
  const held = letGo(state)
  state.phase = 'failed'
  state.error = error
  state.isEnded = false
  state.endWaiting?.(false)
  resetHead(state.response, state.before)
  for (const call of held) drop(call, error)
  if (hasBegunAbove(state, held)) bypass(state)
  state.isAnswering = true
  try {
    state.onFailure(error)
  } finally {
    state.isAnswering = false
  }
}

/** Whether what others have put over the response has had a part of the page, and may not take another one. */
function hasBegunAbove({ methods }: State, [first]: readonly SenderCall[]): boolean {
  return first?.name === 'writeHead' || methods.isCovered('write') || methods.isCovered('end')
}

/** The error's response passes by what is above, and what still comes from there is the page. */
function bypass(state: State): void {
  state.methods = replaceSenders(state.response, (call) => passAfterFailure(state, call), state.methods.before)
  state.isBypassed = true
}

/**
 * A handler may still be at work on its page. What it writes must neither take the place of the error's response, which
 * an error handler may send a while later, nor follow after its end: Node emits that as an error on a response to which
 * nobody listens any more, and the process ends. The error's response is known by its head: the handler's was sent, as
 * far as it can tell, and it would not touch it again.
 */
function passAfterFailure(state: State, call: SenderCall): unknown {
  const { response, before, isAnswering } = state
  const isMeant = isAnswering || call.name === 'writeHead' || !isUntouched(response, before)
  if (isMeant && !(state.isEnded && call.name !== 'writeHead')) {
    if (call.name === 'end') state.isEnded = true
    return forward(state, call)
  }
  // Whoever it was, nobody will say more; and a bare end would look like a success.
  if (call.name === 'end' && !state.isEnded) sendAnswer(response, plainAnswer(state.error))
  return refuseCall(state, call)
}

function refuseCall(state: State, call: SenderCall): unknown {
  drop(call, new Error('response: the session could not be saved'))
  return answerOf(state, call)
}

function drop({ args }: SenderCall, error: unknown): void {
  const callback: unknown = args.at(-1)
  if (typeof callback !== 'function') return
  queueMicrotask(() => {
    Reflect.apply(callback, undefined, [error])
  })
}
