// The cache in front of each networked store, between processes of an application.
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import type { ClosableStore, WatchableStore } from '../../src/core/store.ts'
import { isClosable, isWatchable } from '../../src/core/store.ts'
import { layeredStore } from '../../src/stores/layered.ts'
import { lackingFor, type StoreHarness, storeCases } from '../../src/testing/index.ts'
import type { Client } from '../support/bed.ts'
import { copyOf, newClient } from '../support/bed.ts'
import type { FullStore } from '../support/stores.ts'
import { startFront } from './support/front.ts'
import type { Networked, NetworkedStore } from './support/networked.ts'
import { networked } from './support/networked.ts'
import { mariadbUnderTest, postgresUnderTest, redisUnderTest } from './support/networked-stores.ts'
import { newKey, newRecord } from './support/sessions.ts'

/** Whether the notices of endings arrive. */
interface Line {
  isCut: boolean
}

/** A store whose notices are lost while the line is cut. */
function lossy(store: NetworkedStore, line: Line): NetworkedStore {
  const watch: NetworkedStore['watch'] = (listener) =>
    store.watch((notice) => {
      if (!line.isCut) listener(notice)
    })
  return { ...store, watch }
}

/** Two processes, as far as the server can tell, and one clock that stands still. */
async function pair(context: TestContext, { start, open }: Networked) {
  const server = await start(context)
  let time = Date.now()
  const now = (): number => time
  const line: Line = { isCut: false }
  const process = async () => {
    const store = layeredStore({ store: lossy(await open(server, { now }), line), now, maxAge: '1s' })
    const heard: unknown[] = []
    await store.watch((notice) => heard.push(notice))
    const front = await startFront({ store, now, timeouts: { touchEvery: '1h', idle: '12h', absolute: '12h' } })
    return { ...front, store, heard }
  }
  return { here: await process(), there: await process(), line, advance: (by: number) => void (time += by) }
}

/** Reads until the answer comes out of the cache: it stays when the server's record is another. */
async function warm(store: NetworkedStore, beside: NetworkedStore): Promise<void> {
  const key = newKey()
  const record = newRecord()
  await beside.insert(key, record)
  await expect
    .poll(
      async () => {
        const held = await store.get(key)
        if (held?.state !== 'live') return 'nothing'
        const data = `${held.data} `
        await beside.update(key, held.version, { ...held, version: held.version + 1, data })
        const again = await store.get(key)
        return again?.state === 'live' && again.data === held.data
      },
      { interval: 5, timeout: 10_000 },
    )
    .toBe(true)
}

describe.each(networked)('layeredStore in front of $name', (kind) => {
  it('RACE-8: an ending in one process empties the cache of the other as soon as the notice comes', async (context) => {
    const { here, there } = await pair(context, kind)
    for (const end of ['logout', 'endAll', 'revokeAll'] as const) {
      const ann = newClient()
      await here.visit(ann, (session) => session.login('ann'))
      const thief = copyOf(ann)
      const who = async () => (await there.visit(copyOf(thief), (session) => session.subject)).body
      await warm(there.store, here.store)
      expect(await who()).toBe('ann')
      const before = there.heard.length
      if (end === 'logout') await here.visit(ann, (session) => session.logout())
      if (end === 'endAll') await here.sessions.forSubject('ann').endAll()
      if (end === 'revokeAll') await here.sessions.revokeAll()
      // The clock stands still: by its age alone the record would be given out for ever.
      await expect.poll(() => there.heard.length, { interval: 1, timeout: 10_000 }).toBeGreaterThan(before)
      expect(await who(), end).toBe(null)
    }
  })

  it('RACE-8: when the notice is lost an ending elsewhere is seen after maxAge at the latest, and not a millisecond later', async (context) => {
    const { here, there, line, advance } = await pair(context, kind)
    const [ann, bob] = [newClient(), newClient()]
    await here.visit(ann, (session) => session.login('ann'))
    await here.visit(bob, (session) => session.login('bob'))
    const thieves = [copyOf(ann), copyOf(bob)] as const
    const who = async (thief: Client) => (await there.visit(copyOf(thief), (session) => session.subject)).body
    await warm(there.store, here.store)
    expect([await who(thieves[0]), await who(thieves[1])]).toEqual(['ann', 'bob'])
    line.isCut = true
    await here.visit(ann, (session) => session.logout())
    await here.visit(bob, (session) => session.logout())
    advance(999)
    expect([await who(thieves[0]), await who(thieves[1])], 'as stale as is said').toEqual(['ann', 'bob'])
    // What is stale can be read, and nothing can be written on it; whoever tries finds out.
    await there.visit(copyOf(thieves[1]), (session) => session.set('a', 1))
    expect([await who(thieves[0]), await who(thieves[1])]).toEqual(['ann', null])
    advance(1)
    expect(await who(thieves[0])).toBe(null)
    expect(await here.sessions.forSubject('bob').count()).toBe(0)
  })
})

const shared = [postgresUnderTest(), mariadbUnderTest(), ...redisUnderTest('redis')]

describe.each(shared)('layeredStore in front of $name', ({ missing, make }) => {
  it.for(storeCases)('$name', async (storeCase, context) => {
    if (missing !== undefined) return context.skip(missing)
    let time = 1_700_000_000_000
    const now = (): number => time
    const { store: inner, beside, close } = await make(now)
    onTestFinished(close)
    let store = layerOn(inner, now)
    const harness: StoreHarness = {
      store,
      now,
      advance: async (milliseconds) => void (time += milliseconds),
      reopen: async () => {
        await store.close()
        if (beside === undefined) throw new Error('nothing is shared')
        store = layerOn(await beside(now), now)
        return store
      },
    }
    onTestFinished(() => store.close())
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
  })
})

function layerOn(store: FullStore, now: Clock): FullStore & WatchableStore & ClosableStore {
  if (isWatchable(store) && isClosable(store)) return layeredStore({ store, now })
  throw new Error(`${store.name} cannot be watched`)
}
