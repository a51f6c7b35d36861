import type { Session } from '../../../core/session.ts'

/** What stands beside the session of a running request. */
interface Visit {
  readonly fields: URLSearchParams
  readonly unfinished: Promise<unknown>[]
}

// By session, not by request: what the code of an application can reach is its session.
const visits = new WeakMap<object, Visit>()

/** Runs a page, and lets it end only when all that it began has ended well. */
export async function visit<Data extends object, R>(
  session: Session<Data>,
  fields: URLSearchParams,
  page: (session: Session<Data>) => R | Promise<R>,
): Promise<R> {
  const unfinished: Promise<unknown>[] = []
  visits.set(session, { fields, unfinished })
  const result = await page(session)
  // A page that says goodbye to a visitor whose session could not be ended would lie.
  await Promise.all(unfinished)
  return result
}

/** The fields of the form that the running request submits; none when it submits none. */
export function submitted(session: object): URLSearchParams {
  return visits.get(session)?.fields ?? new URLSearchParams()
}

/** For what the original does at once and here takes a while: a page need not wait for it, its response does. */
export function unhurried<T>(session: object, work: Promise<T>): Promise<T> {
  const running = visits.get(session)
  if (running === undefined) return work
  running.unfinished.push(work)
  // Reported by `visit`, unless the page has failed before.
  work.catch(() => undefined)
  return work
}
