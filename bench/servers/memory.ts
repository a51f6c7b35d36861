// Memory of a million sessions: `node --expose-gc memory.ts <candidate> <sessions>` prints bytes per session.
import { randomBytes } from 'node:crypto'
import session from 'express-session'
import { visitOf } from './visit.ts'

const [candidate = '', count = '1000000'] = process.argv.slice(2)
const sessions = Number(count)

/** Puts session `n` into the store that the candidate opens. */
type Put = (n: number) => void | Promise<void>

const candidates: Readonly<Record<string, () => Promise<Put> | Put>> = {
  async 'sojourn-express-memory'() {
    const { createSessions } = await import('sojourn')
    const { memoryStore } = await import('sojourn/stores/memory')
    const manager = createSessions({ store: memoryStore({ maxEntries: 2 * sessions }) })
    const facts = { method: 'GET', url: '/', secure: true, header: () => undefined }
    return async (n) => {
      const opened = await manager.open(facts)
      Object.assign(opened.data, visitOf(n))
      await opened.commit()
    }
  },
  'express-session-memory': () => putInto(new session.MemoryStore()),
  async 'express-session-memorystore'() {
    const { default: create } = await import('memorystore')
    const MemoryStore = create(session)
    return putInto(new MemoryStore({}))
  },
  async 'fastify-session-memory'() {
    const { default: fastifySession } = await import('@fastify/session')
    const store = new fastifySession.MemoryStore()
    return (n) => store.set(id(), asSession(n) as unknown as Parameters<typeof store.set>[1], fail)
  },
  async 'hono-sessions-memory'() {
    const { MemoryStore } = await import('hono-sessions')
    const store = new MemoryStore()
    return (n) => {
      const entry = { value: visitOf(n), flash: false }
      const now = new Date().toISOString()
      return store.createSession(id(), { _data: { visit: entry }, _expire: now, _delete: false, _accessed: now })
    }
  },
}

const open = candidates[candidate]
if (open === undefined) throw new Error(`no candidate ${candidate}`)
const put = await open()
await put(0)
const before = heap()
for (let n = 1; n <= sessions; n++) await put(n)
console.log((heap() - before) / sessions)
// Otherwise nothing would hold the store any more when the heap is read.
await put(0)
process.exit()

function heap(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** As long as the IDs that these libraries make. */
function id(): string {
  return randomBytes(24).toString('base64url')
}

function asSession(n: number): session.SessionData {
  return { cookie: new session.Cookie(), visit: visitOf(n) }
}

function putInto(store: session.Store): Put {
  return (n) => store.set(id(), asSession(n), fail)
}

function fail(error?: unknown): void {
  if (error instanceof Error) throw error
}
