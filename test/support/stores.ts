import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../src/core/clock.ts'
import type {
  ClearableStore,
  ClosableStore,
  ScannableStore,
  SessionRecord,
  Store,
  SubjectStore,
  SweepableStore,
} from '../../src/core/store.ts'
import type { StoreKey } from '../../src/core/key.ts'
import { fileStore } from '../../src/stores/file.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'

/** A store with every capability that tests ask for. */
export type FullStore = Store & SubjectStore & ClearableStore & SweepableStore & ScannableStore

/** A store made for one test. */
export interface MadeStore {
  readonly store: FullStore
  /** The same records as another process with a clock of its own has them; absent where processes share nothing. */
  readonly beside?: (now: Clock) => Promise<FullStore>
  /** Closes all of these stores and removes what they left behind. */
  readonly close: () => Promise<void>
}

/** A shipped store, for tests that hold for all of them. */
export interface StoreUnderTest {
  readonly name: string
  /** Why there is none of it here. */
  readonly missing?: string | undefined
  readonly make: (now: Clock) => Promise<MadeStore>
}

export const memoryUnderTest: StoreUnderTest = {
  name: 'memory',
  make: async (now) => ({ store: memoryStore({ now }), close: async () => undefined }),
}

export const fileUnderTest: StoreUnderTest = {
  name: 'file',
  make: (now) => inFolder(now, (folder, now) => fileStore({ directory: join(folder, 'sessions'), now })),
}

export const sqliteUnderTest: StoreUnderTest = {
  name: 'sqlite',
  make: (now) => inFolder(now, (folder, now) => sqliteStore({ path: join(folder, 'sessions.db'), now })),
}

/** Every store that comes with the package and needs no server. */
export const storesUnderTest: readonly StoreUnderTest[] = [memoryUnderTest, fileUnderTest, sqliteUnderTest]

async function inFolder(
  now: Clock,
  open: (folder: string, now: Clock) => FullStore & ClosableStore,
): Promise<MadeStore> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-test-'))
  return madeOf(
    now,
    async (now) => open(folder, now),
    () => rm(folder, { recursive: true, force: true }),
  )
}

/** A store, and on demand others on the same records. */
export async function madeOf(
  now: Clock,
  open: (now: Clock) => Promise<FullStore & ClosableStore>,
  remove: () => Promise<unknown>,
): Promise<MadeStore> {
  const opened: ClosableStore[] = []
  const beside = async (now: Clock): Promise<FullStore> => {
    const store = await open(now)
    opened.push(store)
    return store
  }
  return {
    store: await beside(now),
    beside,
    close: async () => {
      for (const store of opened) await store.close()
      await remove()
    },
  }
}

/** Every live record of the store with its key. */
export async function recordsIn(store: ScannableStore): Promise<readonly (readonly [StoreKey, SessionRecord])[]> {
  const all: (readonly [StoreKey, SessionRecord])[] = []
  for await (const page of store.scan()) all.push(...page)
  return all
}
