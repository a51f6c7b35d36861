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
// Answers that say that the command was not done, and that another server, or the same one soon, would do it.
const REDIRECTED = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /

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
      const { sequence } = await connected()
      await Promise.all(groupsOf(batch, wire).map((group) => confirm(wire, sequence, group, replicas)))
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

/** What goes over one connection. */
function groupsOf(batch: readonly Sent[], { hasSlots }: Wire): readonly (readonly Sent[])[] {
  if (!hasSlots) return [batch]
  const groups = new Map<string, Sent[]>()
  for (const sent of batch) {
    const group = groups.get(sent.key)
    if (group === undefined) groups.set(sent.key, [sent])
    else group.push(sent)
  }
  return [...groups.values()]
}

async function confirm(
  wire: Wire,
  sequence: Twin['sequence'],
  group: readonly Sent[],
  replicas: Replicas,
): Promise<void> {
  const key = group[0]?.key ?? ''
  let left = group
  for (let attempt = 0; left.length > 0; attempt++) {
    const wait = ['WAIT', String(replicas.count), String(replicas.timeout)]
    const answers = await sequence(key, [...left.map(({ command }) => command), wait])
    const shortage = shortageIn(answers.at(-1), replicas)
    const again: Sent[] = []
    for (const [n, sent] of left.entries()) {
      const answer = answers[n] ?? { error: new Error('the client gave no answer') }
      if ('error' in answer) {
        if (attempt < MAX_REDIRECTIONS && isRedirected(answer.error)) again.push(sent)
        else sent.fail(answer.error)
      } else if (shortage === undefined) sent.done(answer.reply)
      else sent.fail(shortage)
    }
    left = again
    // An ordinary command makes the client look where the slot is now.
    if (left.length > 0)
      await new Promise<void>((resolve, reject) => {
        wire.send([{ key, command: ['EXISTS', key], done: () => resolve(), fail: reject }])
      })
  }
}

function shortageIn(answer: Answer | undefined, { count }: Replicas): SessionError | undefined {
  if (answer === undefined || 'error' in answer) {
    return new SessionError('store-unavailable', 'redis: whether replicas have the change is not known (WAIT failed)', {
      cause: answer?.error,
    })
  }
  const confirmed = numberIn(answer.reply)
  if (confirmed >= count) return undefined
  return new SessionError(
    'store-unavailable',
    `redis: ${confirmed} of ${count} replicas confirmed the change in time; it was made, but may be lost with the primary`,
  )
}

function isRedirected(error: unknown): boolean {
  return error instanceof Error && REDIRECTED.test(error.message)
}
