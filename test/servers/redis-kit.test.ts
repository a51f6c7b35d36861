import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import { lackingFor, type StoreHarness, storeCases } from '../../src/testing/index.ts'
import { type OpenClient, openers } from './support/redis-clients.ts'
import { ownName, sharedServer } from './support/shared.ts'

const START = 1_700_000_000_000

describe.each(openers)('redisStore with $name', ({ server, open }) => {
  let client: OpenClient | undefined
  beforeAll(async () => {
    const shared = inject(server)
    if ('url' in shared) client = await open(shared.url)
  })
  afterAll(() => client?.close())
  beforeEach((context) => void sharedServer(context, server))

  it.each(storeCases)('$name', async (storeCase) => {
    if (client === undefined) throw new Error('no client')
    let time = START
    const now = (): number => time
    const options = { client: client.client, prefix: `${ownName()}:`, now, onWarning: () => undefined }
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
