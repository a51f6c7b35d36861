import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/testing/random.ts'
import type { Entry, TokenNumber } from './history.ts'
import type { Answer, Deed, ManagerName, Request } from './requests.ts'
import { managerFor } from './requests.ts'

/** Sends a request to one of the application's processes; resolves `unknown` when that process dies. */
export type Serve = (request: Request) => Promise<Answer>

export interface Load {
  readonly serve: Serve
  readonly record: (entry: Entry) => void
  readonly seed: number
  /** How many operations must be acknowledged before the visitors go home. */
  readonly acknowledged: number
  readonly visitors: number
  /** Milliseconds since the beginning. */
  readonly clock: () => number
  /** Asked now and then whether the visitors may go home; not before enough was acknowledged, unless `enough` says so. */
  readonly verdict?: () => 'go on' | 'enough' | 'as planned'
}

/** The visitors of an application, and all that they remember. */
export interface Crowd {
  /** Resolves when enough was acknowledged, or the time is over. */
  readonly done: Promise<void>
  readonly acknowledged: () => number
  /** Presents every token that was ever given out, and asks for every list; to be called when all is well again. */
  audit(): Promise<void>
}

const MANAGERS: readonly ManagerName[] = ['free', 'evict', 'reject']
const VISITORS_OF_A_USER = 3
const TURNS_OF_A_USER = 60
const DEEDS_OF_A_LIFE = 50
const AUDITS_AT_ONCE = 48

/** A visitor's side of a life. */
interface Life {
  readonly name: string
  token: Held
  subject: string | undefined
  level: number
  deeds: number
  readonly gifts: number[]
}

/** An answer, with the operation's number, and the token if there was one. */
interface Told extends Answer {
  readonly op: number
  readonly held?: Held
}

interface Held {
  readonly number: TokenNumber
  readonly text: string
}

/** Users that several visitors share; each is let go after a time, so that lists stay short. */
interface Users {
  of(visitor: number): string
  readonly all: ReadonlySet<string>
  /** Handles that were seen of this user. */
  readonly handles: Map<string, string[]>
}

export function letIn(load: Load): Crowd {
  const counters = { op: 0, token: 0, acknowledged: 0, life: 0 }
  const issued: Held[] = []
  const users = createUsers()
  const isOver = (): boolean => {
    const verdict = load.verdict?.() ?? 'as planned'
    return verdict === 'enough' || (verdict === 'as planned' && counters.acknowledged >= load.acknowledged)
  }

  const request = async (deed: Deed, held?: Held): Promise<Told> => {
    const op = ++counters.op
    const subject = 'subject' in deed ? deed.subject : undefined
    const at = { ...(held && { token: held.number }) }
    load.record({ type: 'begun', op, at: load.clock(), deed, ...at })
    const answer = await load.serve({
      op,
      deed,
      manager: subject === undefined ? 'free' : managerFor(subject),
      ...(held && { token: held.text }),
    })
    const { token: text, ...rest } = answer
    const next = text === undefined ? undefined : { number: ++counters.token, text }
    if (next !== undefined) issued.push(next)
    load.record({ type: 'ended', op, at: load.clock(), answer: { ...rest, ...(next && { token: next.number }) } })
    if (answer.result === 'done') counters.acknowledged++
    if (answer.handle !== undefined && subject !== undefined) users.handles.get(subject)?.push(answer.handle)
    return { ...answer, op, ...(next && { held: next }) }
  }

  const stay = async (visitor: number): Promise<void> => {
    const random = seededRandom(load.seed * 1000 + visitor)
    const within = (most: number): number => Math.floor(random() * most)
    let life: Life | undefined

    const arrive = async (): Promise<Told> => {
      const name = `life${++counters.life}`
      const subject = random() < 0.4 ? users.of(visitor) : undefined
      const answer = await request(
        subject === undefined ? { kind: 'start', life: name } : { kind: 'enter', life: name, subject },
      )
      if (answer.held !== undefined) {
        life = { name, token: answer.held, subject, level: subject === undefined ? 0 : 1, deeds: 0, gifts: [] }
      }
      return answer
    }

    /** One request of the life; what it brings is taken over. */
    const act = async (at: Life, deed: Deed): Promise<Told> => {
      at.deeds++
      const answer = await request(deed, at.token)
      if (answer.held !== undefined && life === at) {
        at.token = answer.held
        if (deed.kind === 'login') at.subject = deed.subject
        if (deed.kind === 'logout') at.subject = undefined
      }
      if (deed.kind === 'put' && answer.result === 'done') at.gifts.push(answer.op)
      const isOut = deed.kind === 'destroy' || (deed.kind === 'logout' && answer.held === undefined)
      if ((isOut && answer.result === 'done') || answer.opened === 'nothing') life = life === at ? undefined : life
      return answer
    }

    const write = (at: Life): Deed => {
      const chance = random()
      if (chance < 0.3) return { kind: 'increment' }
      if (chance < 0.5) return { kind: 'append' }
      if (chance < 0.65) return { kind: 'change' }
      if (chance < 0.75) return { kind: 'insist' }
      if (chance < 0.9) return { kind: 'look' }
      const gift = at.gifts.at(-1)
      return gift === undefined ? { kind: 'look' } : { kind: 'take', gift }
    }
    const replace = (at: Life): Deed => {
      const chance = random()
      if (at.subject === undefined) {
        return chance < 0.75 ? { kind: 'login', subject: users.of(visitor) } : { kind: 'rotate', grace: 0 }
      }
      if (chance < 0.15) return { kind: 'login', subject: users.of(visitor) }
      if (chance < 0.3) return { kind: 'elevate' }
      if (chance < 0.45) return { kind: 'rotate', grace: 0 }
      if (chance < 0.6) return { kind: 'rotate', grace: 1000 }
      if (chance < 0.7) return { kind: 'endOthers', subject: at.subject }
      if (chance < 0.85) return { kind: 'logout', keeps: true }
      return chance < 0.95 ? { kind: 'logout', keeps: false } : { kind: 'destroy' }
    }
    const elsewhere = (): Promise<Told> => {
      const subject = users.of(visitor)
      const handles = users.handles.get(subject) ?? []
      const handle = handles[within(handles.length)]
      const chance = random()
      if (chance < 0.5) return request({ kind: 'list', subject })
      if (chance < 0.6 && handle !== undefined) return request({ kind: 'end', subject, handle })
      if (chance < 0.64) return request({ kind: 'endAll', subject })
      if (chance < 0.66) return request({ kind: 'sweep' })
      // An old token, of anybody's.
      const old = issued[within(issued.length)]
      return old === undefined ? request({ kind: 'list', subject }) : request({ kind: 'look' }, old)
    }

    const step = async (): Promise<readonly Told[]> => {
      if (random() < 0.12) return [await elsewhere()]
      if (life === undefined) return [await arrive()]
      const at = life
      if (at.deeds > DEEDS_OF_A_LIFE) {
        // Some leave without a word: then the session must be there to the end.
        if (random() < 0.5) return [await act(at, { kind: 'destroy' })]
        life = undefined
        return []
      }
      const chance = random()
      if (chance < 0.55) return [await act(at, write(at))]
      if (chance < 0.6) return [await act(at, { kind: 'put' })]
      if (chance < 0.72) return [await act(at, replace(at))]
      if (chance < 0.75 && at.subject !== undefined) {
        const both: readonly Deed[] = [{ kind: 'elevate' }, { kind: 'rotate', grace: within(2) * 1000 }]
        return Promise.all(both.map((deed) => act(at, deed)))
      }
      // Several tabs at once, and now and then the user leaves in one of them.
      const tabs = Array.from({ length: 2 + within(3) }, () => write(at))
      if (random() < 0.35) tabs.splice(within(tabs.length), 0, replace(at))
      return Promise.all(tabs.map((deed) => act(at, deed)))
    }

    while (!isOver()) {
      const answers = await step()
      // Nobody reloads a broken page a thousand times a second.
      if (answers.some(({ result, opened }) => result === 'unknown' || opened === 'failed')) await sleep(5 + within(60))
    }
  }

  const audit = async (): Promise<void> => {
    const rest: (() => Promise<unknown>)[] = [
      ...issued.map((held) => () => request({ kind: 'look' }, held)),
      ...[...users.all].map((subject) => () => request({ kind: 'list', subject })),
    ]
    const worker = async (): Promise<void> => {
      for (let next = rest.pop(); next !== undefined; next = rest.pop()) await next()
    }
    await Promise.all(Array.from({ length: AUDITS_AT_ONCE }, worker))
  }

  return {
    done: Promise.all(Array.from({ length: load.visitors }, (_, visitor) => stay(visitor))).then(() => undefined),
    acknowledged: () => counters.acknowledged,
    audit,
  }
}

function createUsers(): Users {
  const groups = new Map<number, { epoch: number; turns: number }>()
  const all = new Set<string>()
  const handles = new Map<string, string[]>()
  return {
    of(visitor) {
      const number = Math.floor(visitor / VISITORS_OF_A_USER)
      const group = groups.get(number) ?? { epoch: 0, turns: 0 }
      groups.set(number, group)
      if (++group.turns > TURNS_OF_A_USER) {
        group.epoch++
        group.turns = 0
      }
      const name = `${MANAGERS[number % MANAGERS.length]}-${number}-${group.epoch}`
      all.add(name)
      if (!handles.has(name)) handles.set(name, [])
      return name
    },
    all,
    handles,
  }
}
