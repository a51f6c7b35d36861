import { onTestFinished } from 'vitest'
import type { Answer, Page } from '../../crash/client.ts'
import { createClient } from '../../crash/client.ts'

/** A person whose browser keeps the session's cookie. */
export interface Visitor {
  readonly cookie: () => string | undefined
  readonly look: (path: string) => Promise<Page>
  /** Undefined when there was no answer, or 502 from what stands before the application. */
  readonly tryTo: (path: string) => Promise<Page | undefined>
  /** Sends a form with the token that it needs. */
  readonly send: (path: string, form?: Readonly<Record<string, string>>) => Promise<number>
  /** The same person in another tab, who does not hear of new cookies. */
  readonly copy: () => Visitor
}

export function visitorAt(port: number, cookie?: string): Visitor {
  const client = createClient(port)
  onTestFinished(() => client.close())
  let held = cookie
  let token: string | undefined
  const receive = async (answer: Answer | undefined): Promise<Page | undefined> => {
    if (answer?.cookie !== undefined) held = answer.cookie
    const page = await answer?.page
    token = page?.formToken ?? token
    return page
  }
  const tryTo = async (path: string): Promise<Page | undefined> => {
    const answer = await client.request(path, { cookie: held })
    return answer?.status === 200 ? receive(answer) : undefined
  }
  const look = async (path: string): Promise<Page> => {
    const page = await tryTo(path)
    if (page === undefined) throw new Error(`${path} was not answered`)
    return page
  }
  return {
    cookie: () => held,
    look,
    tryTo,
    async send(path, form = {}) {
      if (token === undefined) await look('/sign-in')
      const answer = await client.request(path, { cookie: held, form: { _csrf: token ?? '', ...form } })
      const old = held
      await receive(answer)
      // The token of a form belongs to its session.
      if (held !== old) token = undefined
      return answer?.status ?? 0
    },
    copy: () => visitorAt(port, held),
  }
}
