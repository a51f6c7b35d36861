import { sha256 } from '#platform'
import { needsAddress } from '../binding.ts'
import type { Carriers } from '../config.ts'
import type { Answer, Carrier, RequestFacts } from '../web/carrier.ts'
import type { Content } from '../data/content.ts'
import { SessionError, isSessionError } from '../errors.ts'
import { isOutage } from './guard.ts'
import type { StoreKey } from '../key.ts'
import { storeKeyOf } from '../key.ts'
import { isExpired } from '../policy.ts'
import type { Meta } from '../record.ts'
import { decodeMeta, referenceOf } from '../record.ts'
import type { Engine, State } from './state.ts'
import { adopt, freshState } from './state.ts'
import type { SessionRecord, Tombstone } from '../store.ts'
import type { Token } from '../token.ts'

/** A token as a request presented it. */
interface Presented {
  readonly carrier: Carrier
  readonly token: Token
  /** False when an older secret signed it: the client gets it signed anew. */
  readonly isCurrent: boolean
}

/** How many rotations a late request may lag behind. More than marks are left at a time: the clocks of processes differ. */
export const MAX_HOPS = 8

/**
 * The state of a request's session. Without a well-formed token there is no store call and no promise: an anonymous
 * visit costs nothing.
 */
export function openState<Data extends object>(
  engine: Engine<Data>,
  facts: RequestFacts,
  isReadOnly: boolean,
): State<Data> | Promise<State<Data>> {
  const { carriers } = engine.config
  const [presented, ...rivals] = presentedTokens(engine, facts)
  askForAddress(engine, facts, presented !== undefined)
  const carrier = presented?.carrier ?? carrierForNew(carriers, facts)
  const state = freshState(engine, facts, {
    carrier,
    url: strippedUrl(carriers, facts),
    isReadOnly,
    hasResponse: !isReadOnly && facts.hasResponse !== false,
    isSaved: !isReadOnly,
  })
  if (presented !== undefined && rivals.length > 0) return leaveOpen(state, [presented, ...rivals])
  if (presented !== undefined) return load(state, presented)
  state.answer = probeAnswer(carriers, facts)
  return state
}

/** The tokens that the first carrier with one shows. What has not the shape of a token, or is not signed, is none. */
function presentedTokens<Data extends object>(engine: Engine<Data>, facts: RequestFacts): readonly Presented[] {
  const showsCookie = facts.header('cookie') !== undefined
  for (const carrier of engine.config.carriers) {
    if (carrier.isFallback && showsCookie) continue
    const found = new Map<Token, Presented>()
    for (const text of carrier.read(facts)) {
      const read = engine.config.seal.read(text)
      if (read !== undefined && found.get(read.token)?.isCurrent !== true) found.set(read.token, { carrier, ...read })
    }
    if (found.size > 0) return [...found.values()]
  }
  return NONE
}

const NONE: readonly Presented[] = []

/**
 * Which of several tokens the client means cannot be told; a sibling domain may have planted one (RFC 6265bis section 8.6).
 * The visitor is served without a session, and nothing is handed out that would replace the right one.
 */
function leaveOpen<Data extends object>(state: State<Data>, rivals: readonly Presented[]): State<Data> {
  const { engine, facts, carrier } = state
  engine.emitter.emit('ambiguous', { carrier: carrier.name, clientAddress: facts.clientAddress })
  state.phase = 'ambiguous'
  state.rivals = rivals.map(({ token }) => storeKeyOf(engine.config.namespace, token))
  return state
}

function carrierForNew(carriers: Carriers, facts: RequestFacts): Carrier {
  return (
    carriers.find((candidate) => candidate.offers?.(facts) === true) ??
    carriers.find((candidate) => !candidate.isFallback) ??
    carriers[0]
  )
}

function strippedUrl(carriers: readonly Carrier[], facts: RequestFacts): string {
  return carriers.reduce((url, carrier) => carrier.strip?.(url) ?? url, facts.url)
}

function probeAnswer(carriers: readonly Carrier[], facts: RequestFacts): Answer | undefined {
  for (const carrier of carriers) {
    const answer = carrier.probe?.(facts)
    if (answer !== undefined) return answer
  }
  return undefined
}

async function load<Data extends object>(state: State<Data>, presented: Presented): Promise<State<Data>> {
  const { config, emitter } = state.engine
  try {
    state.presentedKey = storeKeyOf(config.namespace, presented.token)
    const entry = await follow(state, state.presentedKey)
    if (entry === undefined) {
      emitter.emit('unknown', { clientAddress: state.facts.clientAddress })
      refuse(state)
    } else if (entry === 'superseded') {
      emitter.emit('superseded', {})
      state.phase = 'superseded'
    } else {
      await admit(state, presented, entry)
      if (!state.isReadOnly) state.engine.underWay.add(state)
    }
  } catch (error) {
    if (isUndecodable(error)) {
      emitter.emit('undecodable', { error, data: 'unopened' })
      return state
    }
    if (config.onStoreError !== 'anonymous' || !isOutage(error)) throw error
    state.phase = 'degraded'
  }
  return state
}

// It must not lock its visitor out: it counts as absent, and is left for inspection until the visitor signs in or out.
function isUndecodable(error: unknown): boolean {
  return isSessionError(error) && error.code === 'undecodable'
}

/** A record under the key by which it was found. */
interface Found {
  readonly key: StoreKey
  readonly record: SessionRecord
  readonly isGraceful: boolean
}

/** The live record under a key, through the marks that rotations left. */
export async function follow<Data extends object>(
  state: State<Data>,
  key: StoreKey,
): Promise<Found | 'superseded' | undefined> {
  const { store, guard } = state.engine
  let at = key
  for (let hop = 0; hop <= MAX_HOPS; hop++) {
    let entry: SessionRecord | Tombstone | undefined
    try {
      entry = await guard.call('get', state, () => store.get(at))
    } catch (error) {
      if (isUndecodable(error)) state.unreadableKey = at
      throw error
    }
    if (entry?.state === 'live') return { key: at, record: entry, isGraceful: hop > 0 }
    if (entry?.state !== 'moved') return entry === undefined && hop === 0 ? undefined : 'superseded'
    at = entry.to
  }
  return 'superseded'
}

/** Lets the state have the record, if it is within every limit in force now and belongs to this client. */
export async function admit<Data extends object>(
  state: State<Data>,
  presented: Pick<Presented, 'carrier' | 'isCurrent'> & { readonly token: Token | undefined },
  found: Found,
): Promise<void> {
  const { config, emitter } = state.engine
  const { record } = found
  const meta = readMeta(state, found)
  if (meta === undefined) return
  if (isExpired(config.policy, record, meta, config.now())) {
    await remove(state, found)
    return refuse(state)
  }
  if (!presented.carrier.carriesSubjects && record.subject !== undefined) return
  if (!isBoundHere(state, meta)) {
    emitter.emit('mismatch', { reference: referenceOf(record.handle), clientAddress: state.facts.clientAddress })
    return refuse(state)
  }
  state.document.reset(record.data)
  state.token = presented.token
  state.isNew = false
  state.isStarted = true
  state.isOutdated = !presented.isCurrent && !found.isGraceful
  adopt(state, { ...found, meta })
}

function readMeta<Data extends object>(state: State<Data>, found: Found): Meta | undefined {
  try {
    return decodeMeta(found.record.meta)
  } catch (error) {
    const reference = referenceOf(found.record.handle)
    state.engine.emitter.emit('undecodable', { reference, error, data: 'unopened' })
    state.unreadableKey = found.key
    return undefined
  }
}

/** The session's content, for the application. Data that cannot be read begin anew, and who the user is stays. */
export function contentOf<Data extends object>({ document, live, engine }: State<Data>): Content<Data> {
  if (document.isOpen) return document.content
  const { content, standIn } = document
  if (standIn !== undefined) {
    engine.emitter.emit('undecodable', { reference: referenceOf(live?.record.handle), ...standIn })
  }
  return content
}

// Its limits are shorter now than when it was written, so the store still has it (NIST SP 800-63B-4 section 5.2).
async function remove<Data extends object>(state: State<Data>, found: Found): Promise<void> {
  const { store, guard, emitter } = state.engine
  emitter.emit('expired', { reference: referenceOf(found.record.handle) })
  if (!state.isReadOnly) await guard.call('delete', state, () => store.delete(found.key))
}

/** The application's choice for a token that opens nothing. */
function refuse<Data extends object>(state: State<Data>): void {
  const { refusal } = state.engine.config
  if (refusal.answer === 'new') return
  const taken = state.carrier.clear(state.facts)
  state.answer = {
    status: refusal.status ?? 200,
    headers: [
      ['content-type', 'text/plain; charset=utf-8'],
      ['cache-control', 'private, no-store'],
      ...(state.carrier.vary.length > 0 ? [['vary', state.carrier.vary.join(', ')] as const] : []),
      ...(taken.headers ?? []),
    ],
    cookies: taken.cookies ?? [],
    body: refusal.message ?? 'Session expired',
  }
}

/**
 * What a new session of this request is bound to; undefined when it is bound to nothing.
 * @throws SessionError `unsupported` where it must be bound to an address that is not known.
 */
export function newBinding<Data extends object>(state: State<Data>): string | undefined {
  const binding = bindingOf(state)
  if (binding !== undefined || !needsAddress(state.engine.config.policy)) return binding
  throw new SessionError('unsupported', NO_ADDRESS)
}

const NO_ADDRESS =
  'bind: the address of a client was not known, so that no session was opened or begun for it; unless it had hung up, ' +
  'tell the front (clientAddress), or trust the proxy before it (trustProxy), as on a Unix socket'

/** Hashed. */
function bindingOf<Data extends object>(state: State<Data>): string | undefined {
  const print = state.engine.config.fingerprint?.(state.facts)
  return print === undefined ? undefined : sha256(`sojourn:binding:${print}`)
}

/**
 * Asks for the client's address before anything is awaited, where somebody will want to know it: a client that hangs up
 * has none any more, and would be compared with nothing and counted nowhere.
 */
function askForAddress<Data extends object>(
  { config, emitter }: Engine<Data>,
  facts: RequestFacts,
  isPresented: boolean,
): void {
  const isWanted =
    config.fingerprint !== undefined || (isPresented && (emitter.isHeard('unknown') || emitter.isHeard('mismatch')))
  if (!isWanted) return
  const { clientAddress = '' } = facts
  if (clientAddress === '' && needsAddress(config.policy)) emitter.warn(NO_ADDRESS)
}

// Where a function of the application's own finds nothing to compare, the client is let in: a missing header must not end a
// session (cheat sheet, CS-11).
function isBoundHere<Data extends object>(state: State<Data>, meta: Meta): boolean {
  if (meta.binding === undefined) return true
  const here = bindingOf(state)
  return here === undefined ? !needsAddress(state.engine.config.policy) : here === meta.binding
}
