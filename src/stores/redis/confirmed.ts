import { SessionError } from '../../core/errors.ts'
import { createTurns, type Turns } from '../shared/turn.ts'
import { numberIn } from './replies.ts'
import type { Answer, Sent, Twin, Wire } from './wire.ts'

/** How many replicas must have a write before it is answered. */
export interface Replicas {
  readonly count: number
  /** Milliseconds. */
  readonly timeout: number
}

/** Sends what must be on replicas before it is answered. */
export interface Confirmed {
  readonly send: (batch: readonly Sent[]) => void
  readonly end: () => Promise<void>
}

const MAX_ITEMS = 1024
const MAX_REDIRECTIONS = 5
// Answers that say that the command was not done, and that another server would do it. Who gets TRYAGAIN asks again later
// (moving.ts), and keeps nobody here waiting meanwhile.
const REDIRECTED = /^(MOVED|ASK|CLUSTERDOWN) /

const BESIDE = `#!lua flags=allow-oom
return redis.call('SET', KEYS[1], '1', 'PX', 60000)`

/**
 * A connection of its own for the writes that count: `WAIT` behind them blocks it, and what else the store does must not
 * wait for a replica that is down. One batch at a time, so that at most two `timeout`s pass before an answer.
 */
export function createConfirmed(wire: Wire, replicas: Replicas): Confirmed {
  let twin: Promise<Twin> | undefined
  const connected = async (): Promise<Twin> => {
    twin ??= wire.twin()
    try {
      return await twin
    } catch (error) {
      twin = undefined
      throw error
    }
  }
  const turns: Turns<Sent> = createTurns(
    async (batch) => {
      const open = await connected()
      let left = batch
      for (let attempt = 0; left.length > 0; attempt++) {
        left = await confirmAll(open, left, replicas, { isLast: attempt === MAX_REDIRECTIONS })
        const [first] = left
        if (first !== undefined) await open.lookAgain(first.key)
      }
    },
    { maxItems: MAX_ITEMS },
  )
  return {
    send(batch) {
      for (const sent of batch) turns.add(sent)
    },
    async end() {
      await turns.idle()
      const open = await twin?.catch(() => undefined)
      await open?.end()
    },
  }
}

/** Gives back what another server would do. */
async function confirmAll(
  twin: Twin,
  batch: readonly Sent[],
  replicas: Replicas,
  { isLast }: { readonly isLast: boolean },
): Promise<readonly Sent[]> {
  const groups = await groupsOf(twin, batch)
  const again = groups.map(async (group) => {
    const key = group[0]?.key ?? ''
    const wait = ['WAIT', String(replicas.count), String(replicas.timeout)]
    const answers = await twin.sequence(key, [...group.map(({ command }) => command), writeBeside(key), wait])
    const shortage = shortageIn(answers.at(-2), answers.at(-1), replicas)
    return group.filter((sent, n) => {
      const answer = answers[n] ?? { error: new Error('the client gave no answer') }
      if ('error' in answer) {
        if (!isLast && isRedirected(answer.error)) return true
        sent.fail(answer.error)
      } else if (shortage === undefined) sent.done(answer.reply)
      else sent.fail(shortage)
      return false
    })
  })
  return (await Promise.all(again)).flat()
}

/** What goes over one connection, and shares one `WAIT`. */
async function groupsOf(twin: Twin, batch: readonly Sent[]): Promise<readonly (readonly Sent[])[]> {
  const places = await Promise.all(batch.map(({ key }) => twin.placeOf(key)))
  const groups = new Map<unknown, Sent[]>()
  for (const [n, sent] of batch.entries()) {
    const group = groups.get(places[n])
    if (group === undefined) groups.set(places[n], [sent])
    else group.push(sent)
  }
  return [...groups.values()]
}

/**
 * `WAIT` waits for what its own connection wrote last. An ending that is asked again after a lost answer finds nothing to
 * end and writes nothing, and its first one may be on no replica yet: this write is behind both. A server that is full takes
 * it too, as it takes endings.
 */
function writeBeside(key: string): readonly string[] {
  return ['EVAL', BESIDE, '1', `${key.slice(0, key.indexOf('}') + 1)}:confirmed`]
}

function shortageIn(
  written: Answer | undefined,
  waited: Answer | undefined,
  { count }: Replicas,
): SessionError | undefined {
  const failed = [written, waited].find((answer) => answer === undefined || 'error' in answer)
  if (waited === undefined || 'error' in waited || failed !== undefined) {
    return new SessionError('store-unavailable', 'redis: whether replicas have the change is not known (WAIT failed)', {
      cause: failed !== undefined && 'error' in failed ? failed.error : undefined,
    })
  }
  const confirmed = numberIn(waited.reply)
  if (confirmed >= count) return undefined
  return new SessionError(
    'store-unavailable',
    `redis: ${confirmed} of ${count} replicas confirmed the change in time; it was made, but may be lost with the primary`,
  )
}

function isRedirected(error: unknown): boolean {
  return error instanceof Error && REDIRECTED.test(error.message)
}
