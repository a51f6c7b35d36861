import { randomBytes, toBase64Url } from '#platform'
import type { StoreKey } from '../../core/key.ts'
import type { ClearableStore, ScannableStore, SessionRecord, SweepableStore } from '../../core/store.ts'
import { type Parts, placeOf } from './parts.ts'
import { numberIn, textsIn } from './replies.ts'
import { damaged, entryIn, instantNow } from './values.ts'
import type { Ask, Wire } from './wire.ts'

const PAGE_SIZE = 100
// What one SCAN looks at: about 0.1 ms of the server.
const SCAN_COUNT = 250
const EPOCH_BYTES = 6

/** Ends every session: one write, or in a Cluster one for each tag. */
export function clearingIn({ calls, names, hasSlots }: Parts): ClearableStore {
  return {
    async clear() {
      // Random, and not counted up: an epoch that the server lost must not come back with sessions of before.
      const epoch = toBase64Url(randomBytes(EPOCH_BYTES))
      const keys = names.epochKeys()
      await Promise.all(keys.map((key) => calls.run('clear', [key], [names.channel, epoch], () => undefined)))
      if (hasSlots) await calls.ask(names.generationKey, ['SET', names.generationKey, epoch])
    },
  }
}

/** Finds what is stored, server by server. */
export function scanningIn(parts: Parts, wire: Wire): ScannableStore {
  const { calls, names, now } = parts
  return {
    async *scan(options) {
      const size = options?.pageSize ?? PAGE_SIZE
      let page: (readonly [StoreKey, SessionRecord])[] = []
      const seen = new Set<string>()
      for await (const found of namesIn(wire, names.pattern)) {
        // SCAN gives a name again when the server's table has changed its size meanwhile.
        const fresh = found.filter((name) => !seen.has(name))
        for (const name of fresh) seen.add(name)
        const keys = fresh.flatMap((name) => names.storeKeyIn(name) ?? [])
        for (let start = 0; start < keys.length; start += size) {
          const some = keys.slice(start, start + size)
          const entries = await Promise.all(
            some.map((key) => calls.get(...placeOf(names, key), (value, epoch) => entryIn(value ?? '', epoch, now()))),
          )
          for (const [n, entry] of entries.entries()) {
            const key = some[n]
            if (entry?.state !== 'live' || key === undefined) continue
            page.push([key, entry])
            if (page.length < size) continue
            yield page
            page = []
          }
        }
      }
      if (page.length > 0) yield page
    },
  }
}

/**
 * Redis removes by itself what has expired. What is left to find is what `clear` left, and, where the store has a clock
 * of its own, what has expired by that.
 */
export function sweepingIn(
  parts: Parts,
  wire: Wire,
  { hasOwnClock }: { readonly hasOwnClock: boolean },
): SweepableStore {
  const { calls, names, now } = parts
  let pass: AsyncIterator<readonly string[]> | undefined
  let left: readonly string[] = []
  let generation = ''
  const isNeeded = async (): Promise<boolean> => {
    const [newest, swept] = await Promise.all(
      [names.generationKey, names.sweptKey].map((key) => calls.ask(key, ['GET', key])),
    )
    generation = typeof newest === 'string' ? newest : ''
    return hasOwnClock || (generation !== '' && generation !== swept)
  }
  const reap = async (some: readonly string[]): Promise<number> => {
    const counts = await Promise.all(
      some.map((name) => {
        const key = names.storeKeyIn(name)
        return key === undefined ? 0 : calls.run('reap', placeOf(names, key), [instantNow(now())], numberIn)
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }
  return {
    async sweep(limit) {
      if (pass === undefined && !(await isNeeded())) return { removed: 0, isDone: true }
      pass ??= namesIn(wire, names.pattern)[Symbol.asyncIterator]()
      let removed = 0
      while (removed < limit) {
        if (left.length === 0) {
          const { value, done } = await pass.next()
          if (done === true) {
            pass = undefined
            if (generation !== '') await calls.ask(names.sweptKey, ['SET', names.sweptKey, generation])
            return { removed, isDone: true }
          }
          left = value
          continue
        }
        const some = left.slice(0, limit - removed)
        left = left.slice(some.length)
        removed += await reap(some)
      }
      return { removed, isDone: false }
    },
  }
}

async function* namesIn(wire: Wire, pattern: string): AsyncIterable<readonly string[]> {
  for (const ask of await wire.primaries()) yield* namesAt(ask, pattern)
}

async function* namesAt(ask: Ask, pattern: string): AsyncIterable<readonly string[]> {
  let cursor = '0'
  do {
    const reply = await ask(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)])
    if (!Array.isArray(reply)) throw damaged()
    const [next, names]: unknown[] = reply
    cursor = String(next)
    yield textsIn(names)
  } while (cursor !== '0')
}
