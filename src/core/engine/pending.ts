import type { State } from './state.ts'

/** Bytes that the session's data may have. */
export function maxBytesOf<Data extends object>(state: State<Data>, subject: string | undefined): number {
  const { config } = state.engine
  return subject === undefined ? config.maxAnonymousBytes : config.maxBytes
}

/** Whether there is something to write, and which text. Throws for data that cannot be kept. */
export function pendingText<Data extends object>(state: State<Data>): string | undefined {
  if (state.isReadOnly || (state.phase !== 'fresh' && state.phase !== 'live')) return undefined
  const isNeeded = (state.phase === 'fresh' && state.isStarted) || hasOtherIdle(state)
  if (!state.document.isOpen) return isNeeded ? encoded(state) : undefined
  const text = encoded(state)
  return isNeeded || state.document.differs(text) ? text : undefined
}

/** Whether the record must be told of an idle limit that this request has asked for. */
export function hasOtherIdle<Data extends object>({ live, idle }: State<Data>): boolean {
  return live !== undefined && idle !== undefined && live.meta.idle !== idle
}

/** The data as text. */
export function encoded<Data extends object>(state: State<Data>): string {
  return state.document.encode(maxBytesOf(state, state.live?.record.subject))
}
