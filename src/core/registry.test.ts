import { afterEach, describe, expect, it, vi } from 'vitest'
import { bed, factsFor, newClient, receive } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import type { Sessions } from './sessions.ts'
import { createSessions } from './sessions.ts'

/** A set-up module, as a hot reload would load it again and again. */
function setUp(made: { stores: number }): Sessions {
  return createSessions({
    name: 'shop',
    store: () => {
      made.stores++
      return memoryStore()
    },
  })
}

const open: Sessions[] = []

afterEach(async () => {
  for (const sessions of open.splice(0)) await sessions.close()
})

describe('a set-up module that is loaded again', () => {
  it('Y22 Y23: gets the manager it made before, with one store, and sessions live on', async () => {
    const made = { stores: 0 }
    const first = setUp(made)
    open.push(first)
    const client = newClient()
    const session = await first.open(factsFor(client))
    session.set('a', 1)
    receive(client, await session.commit())
    // A reload may give even this module anew.
    vi.resetModules()
    const reloaded = await import('./sessions.ts')
    expect(reloaded.createSessions).not.toBe(createSessions)
    const second = reloaded.createSessions({
      name: 'shop',
      store: () => {
        made.stores++
        return memoryStore()
      },
    })
    expect(second).toBe(first)
    expect(made.stores).toBe(1)
    const again = await second.open(factsFor(client))
    expect(again.get('a')).toBe(1)
    expect(again.activity).toEqual({ reads: 1, writes: 0 })
  })

  it('Y22: listeners and hooks are there once, because there is one manager', () => {
    const made = { stores: 0 }
    expect(setUp(made)).toBe(setUp(made))
    open.push(setUp(made))
    expect(made.stores).toBe(1)
  })

  it('another name, or none, gives a manager of its own', () => {
    const [shop, admin] = [setUp({ stores: 0 }), createSessions({ name: 'admin', store: memoryStore() })]
    open.push(shop, admin)
    expect(shop).not.toBe(admin)
    expect(createSessions({ store: memoryStore() })).not.toBe(createSessions({ store: memoryStore() }))
  })

  it('after a close the name is free again', async () => {
    const made = { stores: 0 }
    const first = setUp(made)
    await first.close()
    const second = setUp(made)
    open.push(second)
    expect(second).not.toBe(first)
    expect(made.stores).toBe(2)
  })

  it('a set-up that fails registers nothing', () => {
    expect(() => createSessions({ name: 'broken', store: memoryStore(), storeTimeout: '0s' })).toThrow(TypeError)
    const repaired = createSessions({ name: 'broken', store: memoryStore() })
    open.push(repaired)
    expect(repaired.policy().idle).toBe(900_000)
  })
})

describe('the current session', () => {
  it('P7 Y21 Y24: any code reaches the session of the request that it serves, also with requests in parallel', async () => {
    const { sessions, visit } = bed()
    const clients = Array.from({ length: 20 }, () => newClient())
    const seen = await Promise.all(
      clients.map((client, i) =>
        visit(client, async (session) => {
          session.set('i', i)
          await Promise.resolve()
          return sessions.current().get('i')
        }),
      ),
    )
    expect(seen).toEqual(clients.map((_, i) => i))
  })

  it('outside a request asking for it is an error with the code no-session', () => {
    const { sessions } = bed()
    expect(() => sessions.current()).toThrow(expect.objectContaining({ code: 'no-session' }) as Error)
  })
})
