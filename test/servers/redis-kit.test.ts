import { afterAll, beforeAll, beforeEach, describe, inject, it } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import { storeCases } from '../../src/testing/index.ts'
import { playCase } from './support/play-case.ts'
import { type OpenClient, openers } from './support/redis-clients.ts'
import { ownName, sharedServer } from './support/shared.ts'

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
    const options = { client: client.client, prefix: `${ownName()}:`, onWarning: () => undefined }
    await playCase(storeCase, (now) => redisStore({ ...options, now }))
  })
})
