import { newClient, receive, tokenOf } from '../../../support/bed.ts'
import { keyOf } from '../../lab.ts'
import type { MakeRule } from './rule.ts'

interface Ending {
  /** Whether another request had replaced the token with which this one came, and nothing was left to end. */
  readonly isReplaced: boolean
}

/** A response hands out no token that is not current, and takes none away that another response may have just set. */
export const cookieRule: MakeRule = ({ model, verbs, blame }) => {
  const commits = new Map<number, number>()
  const killers = new Set<number>()
  const beginners = new Set<number>()
  const endings = new Map<number, Ending>()
  const presented = new Map<number, string | undefined>()

  const judge = (request: number, line: string): void => {
    const jar = newClient()
    jar.jar.set('__Host-id', 'old')
    receive(jar, { cookies: [line] })
    const token = tokenOf(jar)
    if (token === undefined) return judgeClearing(request)
    const death = model.death(keyOf(token))
    if (!model.wasKnown(keyOf(token))) blame('a response hands out a token that never opened anything')
    if (death !== undefined && !death.wasUnknown && death.seq < (commits.get(request) ?? 0)) {
      blame('a response hands out a token that was replaced or ended before its commit')
    }
  }

  const judgeClearing = (request: number): void => {
    const ending = endings.get(request)
    if (ending === undefined) blame('a response takes the token away though the request ended nothing')
    else if (ending.isReplaced) blame('a response takes away a token that another request had replaced')
  }

  /** Whether another request has put an end to that key, or to what it leads to. */
  const isBuried = (key: string, request: number): boolean => {
    const mark = model.mark(key)
    if (mark?.state === 'moved') return isBuried(mark.to, request)
    return mark !== undefined && model.death(key)?.request !== request
  }

  return {
    see(entry) {
      if (entry.type === 'begin') presented.set(entry.request, entry.token)
      if (entry.type === 'verb' && entry.name === 'commit') commits.set(entry.request, entry.seq)
      if (entry.type === 'call' && entry.answer === true && entry.method.startsWith('delete')) {
        if (entry.verb !== undefined) killers.add(entry.verb)
      }
      if (entry.type === 'done' && entry.ok) {
        const { name, before } = verbs.get(entry.verb) ?? {}
        const isByOther = isBuried(keyOf(presented.get(entry.request)), entry.request)
        // A session that this request began itself is its own to end, and so is the browser's.
        if (name === 'login') beginners.add(entry.request)
        const isMinted = before?.token !== undefined && before.token !== presented.get(entry.request)
        const isOwn = isMinted || beginners.has(entry.request)
        if (name === 'logout' || name === 'destroy') {
          const wasReplaced = endings.get(entry.request)?.isReplaced ?? true
          endings.set(entry.request, { isReplaced: wasReplaced && isByOther && !isOwn && !killers.has(entry.verb) })
        }
      }
      if (entry.type === 'response') for (const line of entry.cookies) judge(entry.request, line)
    },
  }
}
