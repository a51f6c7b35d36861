import { later, randomBytes, toBase64Url } from '#platform'
import { isStoreKey } from '../../core/key.ts'
import type { Hearing, Listen } from '../shared/watching.ts'
import type { Database } from './database.ts'
import { createLife } from './life.ts'
import { asSessionError } from './errors.ts'
import type { Names } from './names.ts'
import { pollEndings, RENEW_EVERY_MS, WATCHED_SECONDS } from './poll.ts'
import type { Statements } from './statements.ts'

/** How watchers hear of endings. */
export interface WatchPlan {
  readonly mode: 'listen' | 'poll'
  /** Milliseconds between two polls. */
  readonly interval: number
}

// A notification comes with the answer to the statement, or just after it: on a busy machine as much later as the answer.
// Who begins goes on by polling when this was too short; who has heard before would count as cut off, and gets the most.
const HEARD_WITHIN_ANSWERS = 20
const HEARD_WITHIN_MS = { least: 300, most: 2_000 } as const

/** Hears of endings by LISTEN, and by polling where the connections do not belong to the client, as behind PgBouncer. */
export function listeningIn(database: Database, sql: Statements, names: Names, plan: WatchPlan): Listen {
  return async (hearing) => {
    try {
      const stop =
        plan.mode === 'listen' ? await listen(database, sql, names, hearing).catch(() => undefined) : undefined
      return stop ?? (await pollEndings(database, sql, plan.interval, hearing))
    } catch (error) {
      throw asSessionError(error)
    }
  }
}

/** Undefined when nothing can be heard this way. */
async function listen(
  database: Database,
  sql: Statements,
  { channel }: Names,
  hearing: Hearing,
): Promise<(() => Promise<void>) | undefined> {
  if (database.listen === undefined) return undefined
  const beats = createBeats((beat) => database.run(sql.watch, ['listen', String(WATCHED_SECONDS), beat]))
  const life = createLife(hearing.onLost)
  const end = await database.listen(channel, {
    onPayload(payload) {
      // What comes before the first beat had ended before it, and nobody is told yet that he watches.
      if (!beats.hears(payload) && beats.hasHeard()) tellOf(payload, hearing)
    },
    onLost: life.lose,
  })
  const stop = async (): Promise<void> => {
    life.end()
    await end()
  }
  // Whether others watched before this does not matter to one that begins.
  await beats.beat('begins').catch(() => undefined)
  if (life.isOver() || !beats.hasHeard()) {
    await stop()
    return undefined
  }
  const renew = async (): Promise<void> => {
    const isGood = await beats.beat('goes on').catch(() => false)
    if (isGood) return life.later(RENEW_EVERY_MS, () => void renew())
    life.lose()
    await end().catch(() => undefined)
  }
  life.later(RENEW_EVERY_MS, () => void renew())
  return stop
}

function tellOf(payload: string, hearing: Hearing): void {
  for (const key of payload.split(',')) {
    if (key === '*') hearing.onNotice({ kind: 'cleared' })
    else if (isStoreKey(key)) hearing.onNotice({ kind: 'ended', key })
  }
}

interface Beats {
  /** Says that somebody watches, and waits until it is heard. False: endings were not told for a while, or are not heard. */
  readonly beat: (listener: 'begins' | 'goes on') => Promise<boolean>
  /** Whether one was heard so far. */
  readonly hasHeard: () => boolean
  /** Whether the payload is a beat, be it of another process. */
  readonly hears: (payload: string) => boolean
}

function createBeats(send: (beat: string) => Promise<readonly (readonly unknown[])[]>): Beats {
  const own = toBase64Url(randomBytes(9))
  let count = 0
  let heard = -1
  let onHeard = (): void => undefined
  return {
    async beat(listener) {
      const number = ++count
      const arrival = new Promise<void>((resolve) => {
        onHeard = resolve
      })
      const sentAt = performance.now()
      const [row] = await send(`beat ${own} ${number}`)
      const answer = performance.now() - sentAt
      if (heard < number) await within(listener === 'begins' ? patienceFor(answer) : HEARD_WITHIN_MS.most, arrival)
      return heard >= number && row?.[0] === true
    },
    hasHeard: () => heard > 0,
    hears(payload) {
      if (!payload.startsWith('beat ')) return false
      const [, who, number] = payload.split(' ')
      if (who === own) {
        heard = Math.max(heard, Number(number))
        onHeard()
      }
      return true
    },
  }
}

function patienceFor(answer: number): number {
  return Math.min(Math.max(answer * HEARD_WITHIN_ANSWERS, HEARD_WITHIN_MS.least), HEARD_WITHIN_MS.most)
}

function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    // In a process that was busy for so long, what has arrived is read only after this.
    let cancel = later(milliseconds, () => {
      cancel = later(0, resolve)
    })
    void promise.then(() => {
      cancel()
      resolve()
    })
  })
}
