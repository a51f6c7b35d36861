import { it } from 'vitest'
import type { SessionsOptions } from '../../src/core/config.ts'
import type { StoreKey } from '../../src/core/key.ts'
import type { SessionRecord } from '../../src/core/store.ts'
import type { CountingStore, FaultStore } from '../../src/testing/index.ts'
import { countingStore, faultStore } from '../../src/testing/index.ts'
import type { Bed, Client, Loose } from '../support/bed.ts'
import { bed, testClock } from '../support/bed.ts'
import type { FullStore, StoreUnderTest } from '../support/stores.ts'
import { recordsIn, storesUnderTest } from '../support/stores.ts'

export type Options = Partial<SessionsOptions<Loose>>

/** Sessions on one of the shipped stores, with everything that a security test must see or break. */
export interface World extends Bed<Loose> {
  /** The store itself, past counters and faults. */
  readonly raw: FullStore
  readonly counting: CountingStore<FullStore>
  readonly faults: FaultStore<FullStore>
  /** A manager of its own on the same store, as another process would have. */
  another(options?: Options): Bed<Loose>
  /** Everything that lives in the store. */
  records(): Promise<readonly (readonly [StoreKey, SessionRecord])[]>
}

export async function inWorld(
  { make }: StoreUnderTest,
  options: Options,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const clock = testClock()
  const { store: raw, close } = await make(clock.now)
  const faults = faultStore(raw, { rules: [] })
  const counting = countingStore(faults.store)
  const another = (more: Options = {}): Bed<Loose> => bed<Loose>({ store: counting.store, clock, ...options, ...more })
  try {
    await run({ ...another(), raw, counting, faults, another, records: () => recordsIn(raw) })
  } finally {
    await close()
  }
}

/** A test that holds for every store that comes with the package. */
export function onEachStore(title: string, run: (world: World) => Promise<void>, options: Options = {}): void {
  for (const store of storesUnderTest) it(`${title} (${store.name})`, () => inWorld(store, options, run))
}

/** The same on the memory store, for what does not depend on the store. */
export function inMemory(title: string, run: (world: World) => Promise<void>, options: Options = {}): void {
  // eslint-disable-next-line vitest/valid-title -- the title is the caller's
  it(title, () => inWorld(storesUnderTest[0]!, options, run))
}

/** Who the client is for the application, and what it finds. */
export function whoIs(world: Bed<Loose>, client: Client): Promise<string | undefined> {
  return world.visit(client, (session) => session.subject)
}
