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
      const args = [names.channel, epoch]
      await Promise.all(
        keys.map((key) => calls.run({ script: 'clear', keys: [key], args, isDecisive: true }, () => undefined)),
      )
      if (hasSlots) await calls.run({ script: 'clear', keys: [names.generationKey], args }, () => undefined)
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
  let unfinished: Pass | undefined
  const begin = async (): Promise<Pass | undefined> => {
    const { newest, swept } = await generationsOf(parts)
    if (!hasOwnClock && (newest === undefined || newest === swept)) return undefined
    return { names: namesIn(wire, parts.names.pattern), left: [], generation: newest }
  }
  return {
    async sweep(limit) {
      // Taken away while it is in use: a sweep at the same time goes its own way.
      const taken = unfinished
      unfinished = undefined
      const pass = taken ?? (await begin())
      if (pass === undefined) return { removed: 0, isDone: true }
      let removed = 0
      while (removed < limit) {
        if (pass.left.length > 0) {
          const some = pass.left.slice(0, limit - removed)
          pass.left = pass.left.slice(some.length)
          removed += await reap(parts, some)
          continue
        }
        const next: IteratorResult<readonly string[], undefined> = await pass.names.next()
        if (next.done === true) {
          await noteSwept(parts, pass.generation)
          return { removed, isDone: true }
        }
        pass.left = next.value
      }
      unfinished = pass
      return { removed, isDone: false }
    },
  }
}

/** One way through everything that is stored, over as many sweeps as it takes. */
interface Pass {
  readonly names: AsyncGenerator<readonly string[], undefined>
  /** Found and not looked at yet. */
  left: readonly string[]
  /** Everything that was cleared before this epoch is removed at the end. */
  readonly generation: string | undefined
}

async function generationsOf({ calls, names }: Parts) {
  const read = async (key: string): Promise<string | undefined> => {
    const value = await calls.ask(key, ['GET', key])
    return typeof value === 'string' ? value : undefined
  }
  const [newest, swept] = await Promise.all([read(names.generationKey), read(names.sweptKey)])
  return { newest, swept }
}

async function noteSwept({ calls, names }: Parts, generation: string | undefined): Promise<void> {
  if (generation !== undefined) await calls.ask(names.sweptKey, ['SET', names.sweptKey, generation])
}

/** How many of these were there and not present. */
async function reap({ calls, names, now }: Parts, found: readonly string[]): Promise<number> {
  const keys = found.flatMap((name) => names.storeKeyIn(name) ?? [])
  const args = [instantNow(now())]
  const counts = await Promise.all(
    keys.map((key) => calls.run({ script: 'reap', keys: placeOf(names, key), args }, numberIn)),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

async function* namesIn(wire: Wire, pattern: string): AsyncGenerator<readonly string[], undefined> {
  for (const ask of await wire.primaries()) yield* namesAt(ask, pattern)
}

async function* namesAt(ask: Ask, pattern: string): AsyncGenerator<readonly string[], undefined> {
  let cursor = '0'
  do {
    const reply = await ask(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)])
    if (!Array.isArray(reply)) throw damaged()
    cursor = String(reply[0])
    yield textsIn(reply[1])
  } while (cursor !== '0')
}
