import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../src/core/clock.ts'
import type {
  ClearableStore,
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
  /** Closes the store and removes what it left on the disk. */
  readonly close: () => Promise<void>
}

/** A shipped store, for tests that hold for all of them. */
export interface StoreUnderTest {
  readonly name: string
  readonly make: (now: Clock) => Promise<MadeStore>
}

/** Every store that comes with the package and needs no server. */
export const storesUnderTest: readonly StoreUnderTest[] = [
  {
    name: 'memory',
    make: async (now) => ({ store: memoryStore({ now }), close: async () => undefined }),
  },
  {
    name: 'file',
    make: (now) =>
      inFolder((folder) => {
        const store = fileStore({ directory: join(folder, 'sessions'), now })
        return { store, close: () => store.close() }
      }),
  },
  {
    name: 'sqlite',
    make: (now) =>
      inFolder((folder) => {
        const store = sqliteStore({ path: join(folder, 'sessions.db'), now })
        return { store, close: () => store.close() }
      }),
  },
]

async function inFolder(open: (folder: string) => MadeStore): Promise<MadeStore> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-test-'))
  const { store, close } = open(folder)
  return {
    store,
    close: async () => {
      await close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Every live record of the store with its key. */
export async function recordsIn(store: ScannableStore): Promise<readonly (readonly [StoreKey, SessionRecord])[]> {
  const all: (readonly [StoreKey, SessionRecord])[] = []
  for await (const page of store.scan()) all.push(...page)
  return all
}
