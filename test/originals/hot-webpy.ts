import { application, ctx, loadhook, Session } from 'sojourn/originals/webpy'
import { memoryStore } from 'sojourn/stores/memory'
import { countingStore } from 'sojourn/testing'

/** What was opened and called, whichever loading of this module did it. */
export const seen = ((
  globalThis as { hotWebpy?: { opened: number; hooks: number; store: ReturnType<typeof countingStore> } }
).hotWebpy ??= { opened: 0, hooks: 0, store: countingStore(memoryStore()) })

interface Counter {
  count: number
}

/** An application's main module, as web.py's users have one. */
export const app = application({
  '/count': () => String(((ctx['session'] as Session<Counter>).count += 1)),
})

const storage = {
  open: () => {
    seen.opened += 1
    return seen.store.store
  },
}

export const session = new Session<Counter>(app, storage, { count: 0 }, { name: 'hot-webpy' })

app.addProcessor(
  loadhook(() => {
    seen.hooks += 1
    ctx['session'] = session
  }),
)
