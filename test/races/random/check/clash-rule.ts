import type { SessionRecord } from '../../../../src/core/store.ts'
import { contentOf } from '../changes.ts'
import type { MakeRule } from './rule.ts'

/** What a request knows of the one value that everybody writes. */
interface Shared {
  base: string | undefined
  theirs: string | undefined
  mine: string | undefined
  /** Whether a write of its own was never answered, so that it may meet it again. */
  isUnsure: boolean
  /** Whether its save has lost a race and not yet told of it. */
  hasLost: boolean
  /** The value that was stored by a save which has lost a race and not yet told of it, or for it by another. */
  stored: { readonly value: string | undefined } | undefined
}

/** Who overwrites what another request has written meanwhile hears of it in an event, and nobody else does. */
export const clashRule: MakeRule = ({ blame, verbs, companions }) => {
  const requests = new Map<number, Shared>()
  const stateOf = (request: number): Shared => {
    const shared = requests.get(request) ?? {
      base: undefined,
      theirs: undefined,
      mine: undefined,
      isUnsure: false,
      hasLost: false,
      stored: undefined,
    }
    requests.set(request, shared)
    return shared
  }
  const settle = (shared: Shared, value: string | undefined): void => {
    Object.assign(shared, { base: value, theirs: value, mine: undefined, hasLost: false, stored: undefined })
  }
  const sharedIn = (record: SessionRecord): string | undefined => contentOf(record.data).shared

  return {
    see(entry) {
      if (entry.type === 'change' && entry.change.kind === 'shared') {
        stateOf(entry.request).mine = entry.change.value
      }
      if (entry.type === 'fault' && entry.stage === 'after' && entry.request !== undefined) {
        stateOf(entry.request).isUnsure = true
      }
      if (entry.type === 'opened') {
        const shared = stateOf(entry.request)
        shared.base = shared.theirs
      }
      if (entry.type === 'call' && entry.request !== undefined) {
        const { current, ...answer } = (entry.answer ?? {}) as { current?: SessionRecord } & Partial<SessionRecord>
        const record = current ?? (answer.state === 'live' ? (answer as SessionRecord) : undefined)
        if (record !== undefined) stateOf(entry.request).theirs = sharedIn(record)
        const verb = verbs.get(entry.verb ?? -1)
        if (current !== undefined && entry.method === 'update' && verb?.name !== 'change') {
          stateOf(entry.request).hasLost = true
        }
      }
      if (entry.type !== 'event' || entry.request === undefined) return
      const shared = stateOf(entry.request)
      if (entry.name === 'gone') requests.delete(entry.request)
      if (entry.name !== 'conflict') return
      const { base, theirs, mine } = shared
      const isClash = mine !== undefined && theirs !== base && theirs !== mine
      const isTold = (entry.event['paths'] as readonly string[]).includes('shared')
      if (isClash !== isTold && !shared.isUnsure)
        blame(`a clash of ${theirs} and ${mine} was ${isTold ? 'told and is none' : 'not told'}`)
      shared.base = theirs
      if (shared.stored !== undefined) settle(shared, shared.stored.value)
    },
    write(call, { record }) {
      if (call.request === undefined) return
      const value = sharedIn(record)
      const shared = stateOf(call.request)
      if (shared.hasLost) shared.stored = { value }
      else settle(shared, value)
      // What these were laid on top of, only the engine knows.
      for (const { request } of companions(call.verb))
        Object.assign(stateOf(request), { stored: { value }, isUnsure: true })
    },
  }
}
