import { createSessions } from 'sojourn'
import { memoryStore } from 'sojourn/stores/memory'

/** How often a store was opened, whichever loading of this module did it. */
export const opened: { count: number } = ((globalThis as { hotSetup?: { count: number } }).hotSetup ??= { count: 0 })

/** A set-up module as an application has one. */
export const sessions = createSessions<{ count?: number }>({
  name: 'hot-setup',
  store: () => {
    opened.count++
    return memoryStore()
  },
  cookie: { insecureDevelopment: true },
})
