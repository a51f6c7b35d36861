/** What the store takes, refuses and warns of, and what its errors say. */
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { inspect } from 'node:util'
import { startRedis } from '../../scripts/servers/redis.ts'
import { type RedisClient, redisStore, type RedisStoreOptions } from '../../src/stores/redis.ts'
import { own } from './support/own.ts'
import { openersFor, openFor } from './support/redis-clients.ts'
import { eyeOn } from './support/redis-eye.ts'
import { newKey, newRecord } from './support/sessions.ts'

// Nothing listens there, and nobody connects.
const NOWHERE = 'redis://127.0.0.1:1'
const idle = { lazyConnect: true } as const

const making =
  (client: unknown, options: object = {}) =>
  (): unknown =>
    redisStore({ client: client as RedisClient, ...options })

describe('redisStore', () => {
  it('STORE-10: refuses clients that read from replicas, and says why', () => {
    const refused: readonly unknown[] = [
      new Cluster([NOWHERE], { ...idle, scaleReads: 'slave' }),
      new Cluster([NOWHERE], { ...idle, scaleReads: 'all' }),
      new Cluster([NOWHERE], { ...idle, scaleReads: (nodes: unknown[]) => nodes }),
      new Redis({ ...idle, sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'a', role: 'slave' }),
      new Redis({ ...idle, readOnly: true }),
      createCluster({ rootNodes: [{ url: NOWHERE }], useReplicas: true }),
      createClient({ url: NOWHERE, readonly: true }),
    ]
    for (const [n, client] of refused.entries()) expect(making(client), `client ${n}`).toThrow(/^redisStore: .*replica/)
  })

  it('takes the same clients when they read from primaries', () => {
    const taken: readonly RedisClient[] = [
      new Cluster([NOWHERE], { ...idle, scaleReads: 'master' }),
      new Cluster([NOWHERE], idle),
      new Redis({ ...idle, sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'a', role: 'master' }),
      new Redis(idle),
      createCluster({ rootNodes: [{ url: NOWHERE }] }),
      createClient({ url: NOWHERE }),
      createSentinel({ name: 'a', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }),
    ]
    for (const client of taken) expect(making(client)).not.toThrow()
  })

  it('refuses clients that put a prefix before names', () => {
    const refused: readonly unknown[] = [
      new Redis({ ...idle, keyPrefix: 'a:' }),
      new Cluster([NOWHERE], { ...idle, keyPrefix: 'a:' }),
      new Cluster([NOWHERE], { ...idle, redisOptions: { keyPrefix: 'a:' } }),
      createClient({ url: NOWHERE, keyPrefix: 'a:' }),
      createCluster({ rootNodes: [{ url: NOWHERE }], keyPrefix: 'a:' }),
      createSentinel({ name: 'a', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }], keyPrefix: 'a:' }),
    ]
    for (const [n, client] of refused.entries())
      expect(making(client), `client ${n}`).toThrow(/keyPrefix.*option prefix/)
  })

  it.each([undefined, null, 7, 'redis://127.0.0.1', {}, { sendCommand: () => undefined }, new Map()])(
    'refuses %s as a client, and says what it takes',
    (client) => expect(making(client)).toThrow(/^redisStore: client: expected what createClient/),
  )

  it.each([
    [
      { prefx: 'a:' },
      '"prefx" is no option; there are client, prefix, replicas, persistence, allowEviction, onWarning, now; did you mean prefix?',
    ],
    [{ prefix: '' }, 'prefix: expected'],
    [{ prefix: 'a{b}' }, 'prefix: expected'],
    [{ prefix: 'a*' }, 'prefix: expected'],
    [{ prefix: 'a'.repeat(65) }, 'prefix: expected'],
    [{ replicas: { count: 0 } }, 'replicas.count: expected'],
    [{ replicas: { count: 1.5 } }, 'replicas.count: expected'],
    [{ replicas: { count: 1, timeout: 500 } }, 'replicas.timeout: expected'],
    [{ replicas: { count: 1, timeout: '0s' } }, 'replicas.timeout: expected'],
    [{ replicas: { count: 1, within: '1s' } }, 'replicas: "within" is no option; there are count, timeout'],
    [{ allowEviction: 'yes' }, 'allowEviction: expected'],
    [{ persistence: 'sometimes' }, "persistence: expected 'always' or 'everysec' or 'none'"],
  ])('refuses the options %o', (options, message) => {
    expect(making(new Redis(idle), options)).toThrow(TypeError)
    expect(making(new Redis(idle), options)).toThrow(`redisStore: ${message}`)
  })

  it('STORE-8: says in numbers and words what can be lost', () => {
    const durability = (options: Omit<RedisStoreOptions, 'client'>) =>
      redisStore({ client: new Redis(idle), ...options }).durability
    const cheap = { processCrash: 2_000, machineCrash: 2_000, failover: Infinity }
    expect(durability({})).toMatchObject({ decisive: cheap, saves: cheap, touches: cheap })
    expect(durability({ persistence: 'always' }).decisive).toEqual({ ...cheap, processCrash: 0, machineCrash: 0 })
    expect(durability({ persistence: 'none' }).saves).toEqual({
      ...cheap,
      processCrash: Infinity,
      machineCrash: Infinity,
    })
    const replicated = durability({ replicas: { count: 1 } })
    expect([replicated.decisive.failover, replicated.saves.failover]).toEqual([0, Infinity])
    expect(durability({}).words).toContain('appendfsync everysec')
    expect(replicated.words).toContain('WAIT')
  })

  it('refuses a record whose key lies in another partition than its subject', async () => {
    const store = redisStore({ client: new Redis(idle) })
    await expect(store.insert(newKey('bob'), newRecord({ subject: 'ann' }))).rejects.toThrow(/partition of the subject/)
  })
})

describe.each(openersFor('redis'))('redisStore with $name', (opener) => {
  const warningsOf = async (
    context: Parameters<typeof own>[0],
    settings: Readonly<Record<string, string>>,
    options: Partial<RedisStoreOptions> = {},
  ): Promise<readonly string[]> => {
    const server = await own(context, () => startRedis({ settings }))
    const warnings: string[] = []
    const client = await openFor(opener, server.url)
    const store = redisStore({ client, onWarning: (message) => warnings.push(message), ...options })
    await store.setup()
    await store.setup()
    await store.insert(newKey(), newRecord())
    return warnings
  }
  const durable = { appendonly: 'yes', appendfsync: 'always' }

  it('STORE-11: refuses a server that may evict, as long as it may, unless the application insists', async (context) => {
    const settings = { ...durable, 'maxmemory-policy': 'volatile-ttl', maxmemory: '100mb' }
    const server = await own(context, () => startRedis({ settings }))
    const client = await openFor(opener, server.url)
    const warnings: string[] = []
    const onWarning = (message: string): unknown => warnings.push(message)
    const store = redisStore({ client, onWarning })
    const refusal = {
      code: 'store-unavailable',
      message: expect.stringMatching(
        /^redis: maxmemory-policy is volatile-ttl: .*cannot be signed out.*noeviction/,
      ) as string,
    }
    await expect(store.setup()).rejects.toMatchObject(refusal)
    await expect(store.setup()).rejects.toMatchObject(refusal)
    await redisStore({ client, onWarning, allowEviction: true }).setup()
    expect(warnings).toEqual([])
    await eyeOn(server.url).redis.config('SET', 'maxmemory-policy', 'noeviction')
    await store.setup()
    expect(warnings).toEqual([])
  })

  it('STORE-11: warns, once, of a policy that would evict if the server had a limit', async (context) => {
    const warnings = await warningsOf(context, { ...durable, 'maxmemory-policy': 'allkeys-lru' })
    expect(warnings).toEqual([expect.stringMatching(/^redis: maxmemory-policy is allkeys-lru: .*noeviction/)])
  })

  it('STORE-11: learns of the policy where CONFIG is forbidden, as on hosted servers', async (context) => {
    const settings = { 'maxmemory-policy': 'allkeys-lfu', maxmemory: '100mb' }
    const server = await own(context, () => startRedis({ settings }))
    await eyeOn(server.url).redis.acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-config')
    const client = await openFor(opener, server.url.replace('redis://', 'redis://app:secret@'))
    const store = redisStore({ client, onWarning: () => undefined })
    await expect(store.setup()).rejects.toMatchObject({
      message: expect.stringContaining('maxmemory-policy is allkeys-lfu') as string,
    })
  })

  it('STORE-11: has nothing to say of a server that is set as it should be', async (context) => {
    expect(await warningsOf(context, durable, { persistence: 'always' })).toEqual([])
  })

  it('STORE-8: warns when the server keeps less than was declared', async (context) => {
    expect(await warningsOf(context, {})).toEqual([expect.stringContaining('appendonly no')])
    expect(await warningsOf(context, {}, { persistence: 'none' })).toEqual([])
    const everysec = { appendonly: 'yes', appendfsync: 'everysec' }
    expect(await warningsOf(context, everysec)).toEqual([])
    expect(await warningsOf(context, everysec, { persistence: 'always' })).toEqual([
      "redis: persistence is declared as 'always', but the server has appendfsync everysec",
    ])
  })

  it('STORE-11: the first operation looks too, and an operation does not wait for it', async (context) => {
    const server = await own(context, () =>
      startRedis({ settings: { ...durable, 'maxmemory-policy': 'volatile-ttl', maxmemory: '100mb' } }),
    )
    const client = await openFor(opener, server.url)
    const warning = await new Promise<string>((resolve) => {
      void redisStore({ client, onWarning: resolve }).get(newKey())
    })
    expect(warning).toContain('volatile-ttl')
  })

  it('STORE-11: works, and is silent, for a user who may not ask for the settings', async (context) => {
    const server = await own(context, () => startRedis())
    const { redis } = eyeOn(server.url)
    const rules = [
      '+eval',
      '+evalsha',
      '+mget',
      '+get',
      '+getrange',
      '+set',
      '+setrange',
      '+pexpire',
      '+pttl',
      '+unlink',
    ]
    const more = ['+exists', '+zadd', '+zrem', '+zrange', '+zremrangebyscore', '+zcard', '+zscore', '+publish', '+scan']
    const own_ = ['+hello', '+info', '+ping', '+subscribe']
    await redis.acl('SETUSER', 'app', 'on', '>secret', '~sojourn:*', '&sojourn:*', ...rules, ...more, ...own_)
    const client = await openFor(opener, server.url.replace('redis://', 'redis://app:secret@'))
    const warnings: string[] = []
    const store = redisStore({ client, onWarning: (message) => warnings.push(message) })
    const heard: unknown[] = []
    const stop = await store.watch((notice) => heard.push(notice))
    const key = newKey('ann')
    const record = newRecord({ subject: 'ann' })
    expect(await store.insert(key, record, { max: 1, onLimit: 'evict-oldest' })).toMatchObject({ outcome: 'inserted' })
    expect(await store.get(key)).toEqual(record)
    expect(await store.update(key, 1, { ...record, version: 2 })).toEqual({ outcome: 'updated' })
    expect(await store.touch(key, record.seenAt, record.expiresAt + 1)).toBe(true)
    const next = newKey('ann')
    expect(await store.rotate(key, 2, next, { ...record, version: 3 })).toMatchObject({ outcome: 'rotated' })
    expect(await store.listBySubject('ann')).toHaveLength(1)
    expect(await store.deleteBySubject('ann')).toBe(1)
    await store.clear()
    for await (const page of store.scan()) expect(page).toEqual([])
    expect(await store.sweep(10)).toMatchObject({ isDone: true })
    await stop()
    await store.close()
    expect(warnings).toEqual([])
  })

  it('names the remedy and gives the cause when the server refuses, and neither tells a key or data', async (context) => {
    const server = await own(context, () => startRedis())
    const { redis } = eyeOn(server.url)
    const client = await openFor(opener, server.url)
    const store = redisStore({ client, onWarning: () => undefined })
    const key = newKey()
    const record = newRecord({ data: '{"diary":"dear diary"}' })
    await store.insert(key, record)
    await redis.config('SET', 'maxmemory', '1')
    const failures = await Promise.all(
      [
        () => store.insert(newKey(), record),
        () => store.update(key, 1, { ...record, version: 2 }),
        () => store.rotate(key, 1, newKey(), { ...record, version: 2 }),
      ].map((call) =>
        call().then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    )
    for (const failure of failures) {
      expect(failure).toMatchObject({ name: 'SessionError', code: 'store-unavailable' })
      expect(failure instanceof Error && failure.cause).toBeInstanceOf(Error)
      expect(String(failure)).toContain('out of memory')
      const shown = inspect(failure, { depth: 9, showHidden: true })
      expect(shown).not.toContain('diary')
      expect(shown).not.toContain(key.slice(7))
    }
    expect(await store.get(key), 'nothing was changed').toEqual(record)
    expect(await store.delete(key, { state: 'dead', expiresAt: Date.now() + 9_000 }), 'ending still works').toBe(true)
    expect((await store.get(key))?.state).toBe('dead')
  })

  it('ends every session on a server that is full', async (context) => {
    const server = await own(context, () => startRedis({ settings: { maxmemory: '8mb' } }))
    const { redis } = eyeOn(server.url)
    const client = await openFor(opener, server.url)
    const store = redisStore({ client, onWarning: () => undefined })
    const key = newKey('ann')
    await store.insert(key, newRecord({ subject: 'ann' }))
    const data = JSON.stringify('x'.repeat(100_000))
    let isFull = false
    while (!isFull) await store.insert(newKey(), newRecord({ data })).catch(() => void (isFull = true))
    while ((await redis.set(`filler:${newKey()}`, 'x'.repeat(1_000)).catch(() => 'full')) === 'OK');
    await store.clear()
    expect(await store.get(key)).toBeUndefined()
    expect(await store.countBySubject('ann')).toBe(0)
    await redis.script('FLUSH')
    await store.clear()
    expect((await store.sweep(10_000)).removed).toBeGreaterThan(20)
    expect(await store.insert(newKey('ann'), newRecord({ subject: 'ann' }))).toMatchObject({ outcome: 'inserted' })
  })

  it('STORE-14: fails loudly on what another program wrote under its names', async (context) => {
    const server = await own(context, () => startRedis())
    const client = await openFor(opener, server.url)
    const store = redisStore({ client, onWarning: () => undefined })
    const key = newKey()
    await store.insert(newKey(), newRecord())
    const { redis } = eyeOn(server.url)
    const epoch = await redis.get('sojourn:{epoch}')
    await redis.set(`sojourn:{${key.slice(3, 5)}}${key.slice(5)}`, `X${epoch}999999999999999`)
    await expect(store.get(key)).rejects.toMatchObject({ code: 'undecodable' })
  })

  it('STORE-5: works again by itself after the server was away', async (context) => {
    const server = await own(context, () => startRedis({ settings: { appendonly: 'yes', appendfsync: 'always' } }))
    const client = await openFor(opener, server.url)
    const store = redisStore({ client, onWarning: () => undefined })
    const key = newKey('ann')
    const record = newRecord({ subject: 'ann' })
    await store.insert(key, record)
    await server.kill9()
    const late = store.get(key).catch((error: unknown) => error)
    await server.restart()
    expect([record, expect.objectContaining({ code: 'store-unavailable' })]).toContainEqual(await late)
    let found: unknown
    while (found === undefined) found = await store.get(key).catch(() => undefined)
    expect(found).toEqual(record)
    expect(await store.deleteBySubject('ann')).toBe(1)
  })
})

describe('redisStore with a client that is not connected', () => {
  it('fails at once when the client of redis was never connected, or was closed', async (context) => {
    const server = await own(context, () => startRedis())
    const client = createClient({ url: server.url })
    const store = redisStore({ client, onWarning: () => undefined })
    const refusal = {
      code: 'store-unavailable',
      message: 'redis: the client is not connected; call and await client.connect()',
    }
    await expect(store.get(newKey())).rejects.toMatchObject(refusal)
    await expect(store.setup()).rejects.toMatchObject(refusal)
    await expect(store.watch(() => undefined)).rejects.toMatchObject(refusal)
    await client.connect()
    expect(await store.get(newKey())).toBeUndefined()
    client.destroy()
    await expect(store.get(newKey())).rejects.toMatchObject(refusal)
  })

  it('connects a lazy client of ioredis, and fails at once when it was closed', async (context) => {
    const server = await own(context, () => startRedis())
    const client = new Redis(server.url, idle)
    onTestFinished(() => client.disconnect())
    const store = redisStore({ client, onWarning: () => undefined })
    expect(await store.get(newKey())).toBeUndefined()
    const ended = new Promise((resolve) => client.once('end', resolve))
    client.disconnect()
    await ended
    await expect(store.get(newKey())).rejects.toMatchObject({ code: 'store-unavailable' })
    await expect(store.watch(() => undefined)).rejects.toMatchObject({ code: 'store-unavailable' })
  })
})
