import { keyOf } from '../../lab.ts'
import type { MakeRule } from './rule.ts'

interface Replaced {
  /** Until when whoever comes with the old token must be known. */
  readonly until: number
  /** The session that took the place. */
  readonly handle: string
}

/** How long a token that opens nothing any more is remembered. */
const DEAD = 60_000

/**
 * A request that comes late with a token that was handed out and replaced gets no session of its own: the cookie of that
 * would sign the browser out of the session that lives on.
 */
export const strayRule =
  (grace: number): MakeRule =>
  ({ model, verbs, blame }) => {
    const replaced = new Map<string, Replaced>()
    const presented = new Map<number, string>()
    const signedIn = new Set<number>()
    /** By verb, what it replaced last. */
    const replacing = new Map<number, string>()
    const isAlive = (handle: string): boolean => [...model.all().values()].some((record) => record.handle === handle)

    return {
      see(entry) {
        // Nobody was ever given the new token, so a session of the late request's own signs nobody out.
        if (entry.type === 'fault' && entry.stage === 'after') replaced.delete(replacing.get(entry.verb ?? -1) ?? '')
        if (entry.type === 'begin') presented.set(entry.request, keyOf(entry.token))
        // What follows a login in its own request is its own affair.
        if (entry.type === 'done' && verbs.get(entry.verb)?.name === 'login') signedIn.add(entry.request)
      },
      write(call, { method, oldKey, record }) {
        const verb = verbs.get(call.verb ?? -1)
        if (method === 'rotate' && oldKey !== undefined) {
          if (call.verb !== undefined) replacing.set(call.verb, oldKey)
          const lasts = verb?.name === 'rotate' ? verb.grace : verb?.name === 'commit' ? grace : 0
          // From when it was made, which may be long before it took effect.
          replaced.set(oldKey, { until: record.seenAt + (lasts || DEAD), handle: record.handle })
        }
        if (method !== 'insert' || call.request === undefined || signedIn.has(call.request)) return
        const past = replaced.get(presented.get(call.request) ?? '')
        if (past === undefined || record.createdAt >= past.until || verb?.name === 'login') return
        if (isAlive(past.handle)) blame('a late request with a replaced token got a session of its own')
      },
    }
  }
