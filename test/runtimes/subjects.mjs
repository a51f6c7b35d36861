import { memoryStore } from 'sojourn/stores/memory'

/** @type {import('./conformance.mjs').Subject} */
export const memorySubject = {
  name: 'memory store',
  open: async (now, advance) => ({ store: memoryStore({ now }), now, advance }),
}
