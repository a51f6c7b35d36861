import type { Route } from '../lib/load.ts'
import { visitOf } from '../servers/visit.ts'
import { bareOf, type Answers } from './results.ts'

/** A goal that was set before anything was measured, and what came of it. */
export interface Verdict {
  readonly goal: string
  readonly limit: number
  readonly found: number
  readonly unit: string
}

export function isMet({ found, limit }: Verdict): boolean {
  return found <= limit
}

/** CPU over the bare framework as a share of what another library costs. */
interface Share {
  readonly goal: string
  readonly mine: string
  readonly peer: string
  readonly share: Readonly<Partial<Record<Route, number>>>
}

const shares: readonly Share[] = [
  share('memory, Express', 'sojourn-express-memory', 'express-session-memory', 1 / 5),
  {
    goal: 'SQLite, Express',
    mine: 'sojourn-express-sqlite',
    peer: 'express-session-memory',
    share: { read: 1 / 6, write: 1 / 3 },
  },
  share('Redis, Express', 'sojourn-express-redis', 'express-session-redis', 1 / 5),
  share('PostgreSQL, Express', 'sojourn-express-postgres', 'express-session-postgres', 1 / 12),
  share('memory, Fastify', 'sojourn-fastify-memory', 'fastify-session-memory', 1 / 4),
  share('memory, Hono', 'sojourn-hono-memory', 'hono-sessions-memory', 1 / 30),
]

function share(goal: string, mine: string, peer: string, part: number): Share {
  return { goal, mine, peer, share: { read: part, write: part } }
}

const ANONYMOUS_LIMIT = 2
const BUSY_LIMIT = 1.5
const IDLE_LIMIT = 1

/** The goals that these results speak of. */
export function verdictsOf(answers: Answers): readonly Verdict[] {
  return [...sharesOf(answers), ...anonymousOf(answers), ...busyOf(answers), ...memoryOf(answers), ...idleOf(answers)]
}

function sharesOf(answers: Answers): Verdict[] {
  return shares.flatMap(({ goal, mine, peer, share }) =>
    (['read', 'write'] as const).flatMap((route) => {
      const [found, other, part] = [answers.over(mine, route), answers.over(peer, route), share[route]]
      if (found === undefined || other === undefined || part === undefined) return []
      const limit = other.median * part
      const name = `${goal}, ${route}: 1/${Math.round(1 / part)} of ${peer}`
      return [{ goal: name, limit, found: found.median, unit: 'µs' }]
    }),
  )
}

function mineOf({ subjects }: Answers) {
  return subjects.filter(({ kind }) => kind === 'sojourn')
}

function anonymousOf(answers: Answers): Verdict[] {
  return mineOf(answers).flatMap(({ name, store, framework }) => {
    const found = answers.over(name, 'anonymous')
    if (store !== 'memory' || found === undefined) return []
    return [{ goal: `anonymous visit, ${framework}`, limit: ANONYMOUS_LIMIT, found: found.median, unit: 'µs' }]
  })
}

function busyOf(answers: Answers): Verdict[] {
  return mineOf(answers).flatMap((subject) => {
    const found = answers.whole(subject.name, ({ busy }) => busy)
    const bare = answers.whole(bareOf(subject), ({ busy }) => busy)
    if (found === undefined || bare === undefined) return []
    const goal = `p99 at 80 % of saturation, ${subject.name}: 1.5 × ${bareOf(subject)}`
    return [{ goal, limit: (BUSY_LIMIT * bare.median) / 1000, found: found.median / 1000, unit: 'ms' }]
  })
}

function memoryOf({ results }: Answers): Verdict[] {
  const found = results.memory['sojourn-express-memory']
  if (found === undefined) return []
  const encoded = JSON.stringify(visitOf(results.memorySessions)).length
  const goal = `memory of a session: 1.5 × ${encoded} bytes of data + 200`
  return [{ goal, limit: 1.5 * encoded + 200, found, unit: 'bytes' }]
}

function idleOf({ results }: Answers): Verdict[] {
  const bare = results.idle['bare-express'] ?? 0
  return Object.entries(results.idle).flatMap(([name, wakes]) =>
    name.startsWith('bare')
      ? []
      : [
          {
            goal: `wake-ups of an idle process over bare, ${name}`,
            limit: IDLE_LIMIT,
            found: wakes - bare,
            unit: '/s',
          },
        ],
  )
}
