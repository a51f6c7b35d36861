import { SessionError } from '../errors.ts'
import { partitionOfSubject, storeKeyOf } from '../key.ts'
import { newBinding } from './open.ts'
import { expiryAt } from '../policy.ts'
import type { Meta } from '../record.ts'
import { encodeMeta, newHandle, referenceOf } from '../record.ts'
import type { Live, State } from './state.ts'
import { adopt, begin } from './state.ts'
import type { InsertResult, SessionRecord, Store, SubjectCap } from '../store.ts'
import { subjectNameOf } from '../subject-key.ts'
import { mintToken, notRandom } from '../token.ts'

const MAX_COLLISIONS = 3

/** Whether a session that begins here would come back to this part of the site; else each request would leave a record. */
export function mayBegin<Data extends object>({ carrier, facts, engine }: State<Data>): boolean {
  const complaint = carrier.outside?.(facts)
  if (complaint !== undefined) engine.emitter.warn(complaint)
  return complaint === undefined
}

/** What a new record is made of. */
export interface NewRecord {
  readonly text: string
  readonly subject?: string
  readonly meta?: Meta
}

/** What a record holds, whenever it is written. */
export interface RecordContent extends NewRecord {
  readonly handle: string
  readonly createdAt: number
  readonly meta: Meta
}

/** Makes the record of a fresh session, under a token that nobody has. */
export async function insertState<Data extends object>(state: State<Data>, content: NewRecord): Promise<void> {
  const { store, guard, emitter } = state.engine
  begin(state, partitionFor(content))
  for (let attempt = 0; attempt < MAX_COLLISIONS; attempt++) {
    let live = newLive(state, content, attempt > 0)
    const insert = (): Promise<InsertResult> => store.insert(live.key, live.record, capFor(state, content.subject))
    const again = async (): Promise<InsertResult> => {
      if (content.subject === undefined) {
        return (await isStored(store, live)) ? { outcome: 'inserted', evicted: [] } : insert()
      }
      // That it is stored is not enough for a login: it may be there and not be durable, on no replica yet (RACE-7). And
      // where somebody who saw it has ended it since, the same one must not live again (RACE-16).
      await store.delete(live.key)
      live = newLive(state, content, true)
      return insert()
    }
    const result = await guard
      .call('insert', state, (isAgain) => (isAgain ? again() : insert()))
      .catch((error: unknown) => {
        // It may have been stored all the same, so what this request tries next must be a session of its own (RACE-16).
        state.token = state.handle = undefined
        throw error
      })
    if (result.outcome === 'limit') throw limitError()
    if (result.outcome === 'exists') continue
    handOut(state, live)
    emitter.emit('created', { reference: referenceOf(live.record.handle) })
    reportEvicted(state, result.evicted)
    return
  }
  throw notRandom()
}

/** Whether what was to be stored under a new key is there: nobody else knows the key, or has a session of that name. */
export async function isStored(store: Store, { key, record }: Live): Promise<boolean> {
  const entry = await store.get(key)
  return entry?.state === 'live' && entry.handle === record.handle
}

function newLive<Data extends object>(state: State<Data>, content: NewRecord, isRenamed: boolean): Live {
  const { config } = state.engine
  if (isRenamed) state.token = state.handle = undefined
  const token = (state.token ??= mintToken(partitionFor(content)))
  const handle = (state.handle ??= newHandle())
  const now = config.now()
  const meta = { ...content.meta, idle: content.meta?.idle ?? state.idle, binding: newBinding(state) }
  const record = recordOf(state, 1, { ...content, handle, createdAt: now, meta }, now)
  return { key: storeKeyOf(config.namespace, token), record, meta, isGraceful: false }
}

function partitionFor({ subject }: NewRecord): string | undefined {
  return subject === undefined ? undefined : partitionOfSubject(subject)
}

/** The record that holds this from now on. */
export function recordOf<Data extends object>(
  state: State<Data>,
  version: number,
  { handle, subject, createdAt, meta, text }: RecordContent,
  now: number,
): SessionRecord {
  return {
    state: 'live',
    version,
    handle,
    ...(subject !== undefined && { subject }),
    createdAt,
    seenAt: now,
    expiresAt: expiryAt(state.engine.config.policy, { ...meta, subject, createdAt }, now),
    meta: encodeMeta(meta),
    data: text,
  }
}

/** The record lives in the store now, and the client is to get its token. */
export function handOut<Data extends object>(state: State<Data>, live: Live): void {
  adopt(state, live)
  state.isStarted = true
  state.handsToken = true
  state.clearsToken = false
  state.isDestroyed = false
  state.document.settle(live.record.data)
  state.engine.underWay.add(state)
}

/** The cap that an insertion for this subject must keep. */
export function capFor<Data extends object>(state: State<Data>, subject: string | undefined): SubjectCap | undefined {
  return subject === undefined ? undefined : state.engine.config.policy.perSubject
}

/** The error when the cap rejects. */
export function limitError(): SessionError {
  return new SessionError('subject-limit', 'session: this user has perSubject.max sessions already')
}

/** Tells of the sessions that a cap ended for the one that the state holds now. */
export function reportEvicted<Data extends object>({ engine, live }: State<Data>, evicted: readonly string[]): void {
  const subject = live?.record.subject
  if (subject === undefined || evicted.length === 0) return
  const { config, emitter } = engine
  emitter.emit('evicted', { subject: subjectNameOf(config.namespace, subject), count: evicted.length })
}
