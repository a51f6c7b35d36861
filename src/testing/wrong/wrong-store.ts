import type { Clock } from '../../core/clock.ts'
import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Store } from '../../core/store.ts'
import type { Disk, FullStore } from './reference.ts'
import { referenceStore } from './reference.ts'

/** A store with one fault, most of them seen in stores that people use. */
export interface WrongStore {
  /** What it does wrong, as a sentence. */
  readonly name: string
  /** Opens it; the same disk again opens what it kept. */
  readonly make: (now: Clock, disk?: Disk) => Store
  /** The names of exactly the cases that it must fail. */
  readonly breaks: readonly string[]
}

/** What the faults are made from: the correct store, what lies in it, and its clock. */
export interface Ground {
  readonly good: FullStore
  readonly disk: Disk
  readonly now: Clock
  /** The live record under the key. */
  readonly live: (key: StoreKey) => SessionRecord | undefined
}

/** The reference store with some methods replaced. */
export function wrongStore(
  name: string,
  fault: (ground: Ground) => Partial<FullStore>,
  breaks: readonly string[],
): WrongStore {
  return {
    name,
    make: (now, disk = new Map()) => {
      const good = referenceStore(now, disk)
      const live = (key: StoreKey): SessionRecord | undefined => {
        const entry = disk.get(key)
        return entry?.state === 'live' && entry.expiresAt > now() ? entry : undefined
      }
      return { ...good, ...fault({ good, disk, now, live }) }
    },
    breaks,
  }
}

/** Lets other calls in, as a store does that awaits between two commands. */
export async function pause(): Promise<void> {
  await Promise.resolve()
}
