import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import { lackingFor, type StoreHarness, storeCases } from '../../src/testing/index.ts'
import { openers, type OpenClient } from './support/redis-clients.ts'
import { ownName } from './support/shared.ts'

const START = 1_700_000_000_000

describe.each(openers)('redisStore with $name', ({ server, open }) => {
  const shared = inject(server)
  const isMissing = 'missing' in shared
  let client: OpenClient | undefined
  beforeAll(async () => {
    if (!isMissing) client = await open(shared.url)
  })
  afterAll(() => client?.close())

  it.each(storeCases)('$name', async (storeCase) => {
    const { context } = { context: undefined }
    void context
    if (client === undefined) throw new Error('no server')
    let time = START
    const now = (): number => time
    const options = { client: client.client, prefix: `${ownName()}:`, now }
    let store = redisStore(options)
    const harness: StoreHarness = {
      store,
      now,
      advance: async (milliseconds) => {
        time += milliseconds
      },
      reopen: async () => {
        await store.close()
        store = redisStore(options)
        return store
      },
    }
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
    await store.close()
  })
})
