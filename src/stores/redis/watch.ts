import { later } from '#platform'
import { createWatching, type Watching } from '../shared/watching.ts'
import { asSessionError } from './faults.ts'
import type { Names } from './keys.ts'
import type { Wire } from './wire.ts'

// A connection of which the other end has vanished says nothing, as does one on which nothing happens.
const PING_EVERY_MS = 10_000

/** Hears what the scripts publish, over a connection of its own. */
export function watchingOf(wire: Wire, names: Names): Watching {
  return createWatching(async ({ onNotice, onLost }) => {
    let cancelPing = (): void => undefined
    const lost = (): void => {
      cancelPing()
      onLost()
    }
    const onMessage = (message: string): void => {
      if (message === 'cleared') return onNotice({ kind: 'cleared' })
      for (const told of message.split(' ')) {
        const key = names.storeKeyOf(told)
        if (key !== undefined) onNotice({ kind: 'ended', key })
      }
    }
    try {
      const subscription = await wire.subscribe(names.channel, { onMessage, onLost: lost })
      cancelPing = keepAsking(subscription.ping, async () => {
        await subscription.end()
        lost()
      })
      return async () => {
        cancelPing()
        await subscription.end()
      }
    } catch (error) {
      throw asSessionError(error)
    }
  })
}

/** Calls `onSilence` once when a question has no answer by the time of the next. */
function keepAsking(ping: () => Promise<unknown>, onSilence: () => Promise<void>): () => void {
  let isAnswered = true
  let cancel = (): void => undefined
  const ask = (): void => {
    if (!isAnswered) {
      // Ending a connection that does not answer may fail as well.
      onSilence().catch(() => undefined)
      return
    }
    isAnswered = false
    const answered = (): void => {
      isAnswered = true
    }
    ping().then(answered, () => undefined)
    cancel = later(PING_EVERY_MS, ask)
  }
  cancel = later(PING_EVERY_MS, ask)
  return () => cancel()
}
