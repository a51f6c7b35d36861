import { keyOf } from '../../lab.ts'
import type { MakeRule } from './rule.ts'

/** Nothing fails without a reason. */
export const errorRule =
  (rejects: boolean): MakeRule =>
  ({ model, verbs, companions, blame }) => {
    const faulty = new Set<number>()
    // Requests with a write that was not answered: whether it was done may not be known any more later.
    const unsure = new Set<number>()
    const isRight = (code: string, verb: number): boolean => {
      const { name, before, request } = verbs.get(verb) ?? {}
      if (code === 'store-unavailable') return faulty.has(verb) || (request !== undefined && unsure.has(request))
      if (code === 'subject-limit') return rejects && name === 'login'
      if (code === 'no-session') return name === 'elevate' && before?.subject === undefined
      return (code === 'gone' || code === 'superseded') && model.live(keyOf(before?.token)) === undefined
    }
    return {
      see(entry) {
        if (entry.type === 'fault' && entry.verb !== undefined) {
          const struck = [verbs.get(entry.verb), ...companions(entry.verb)]
          for (const verb of struck) {
            if (verb === undefined) continue
            faulty.add(verb.verb)
            unsure.add(verb.request)
          }
        }
        if (entry.type !== 'done' || entry.ok) return
        if (!isRight(entry.code ?? '', entry.verb)) {
          blame(`"${verbs.get(entry.verb)?.name}" failed with ${entry.code}, for no reason`)
        }
      },
    }
  }
