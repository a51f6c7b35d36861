/**
 * What the Redis store costs: CPU of this process for each call with 64 under way, beside the client's own `GET` and `SET`
 * one by one; and memory of the server for each session. `node bench/redis.ts`
 */
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { startRedis } from '../scripts/servers/redis.ts'
import type { StoreKey } from '../src/core/key.ts'
import { type RedisClient, redisStore } from '../src/stores/redis.ts'
import { newKey, newRecord, upTo } from '../test/servers/support/sessions.ts'

const CALLS = 40_000
const UNDER_WAY = 64
const SESSIONS = 1_000
const data = JSON.stringify({ cart: 'x'.repeat(489) })

/** Microseconds of this process's CPU for each call, the least of three rounds. */
async function cpuOf(call: (n: number) => Promise<unknown>): Promise<string> {
  const round = async (count: number): Promise<number> => {
    let next = 0
    const start = process.cpuUsage()
    await Promise.all(
      upTo(UNDER_WAY).map(async () => {
        while (next < count) await call(next++)
      }),
    )
    const { user, system } = process.cpuUsage(start)
    return (user + system) / count
  }
  await round(CALLS / 4)
  const rounds = [await round(CALLS), await round(CALLS), await round(CALLS)]
  return `${Math.min(...rounds).toFixed(1)} us`
}

async function time(name: string, client: RedisClient, get: (key: string) => Promise<unknown>): Promise<void> {
  const store = redisStore({ client, prefix: `${name}:`, onWarning: () => undefined })
  const sessions = upTo(SESSIONS).map(() => ({ key: newKey(), record: newRecord({ data }), version: 1 }))
  await Promise.all(sessions.map(({ key, record }) => store.insert(key, record)))
  const at = (n: number) => sessions[n % SESSIONS]!
  const nameOf = (key: StoreKey): string => `${name}:{${key.slice(3, 5)}}${key.slice(5)}`
  console.log(name, 'store.get    ', await cpuOf((n) => store.get(at(n).key)))
  console.log(name, 'client GET   ', await cpuOf((n) => get(nameOf(at(n).key))))
  const update = (n: number): Promise<unknown> => {
    const session = at(n)
    const version = session.version++
    return store.update(session.key, version, { ...session.record, version: version + 1 })
  }
  console.log(name, 'store.update ', await cpuOf(update))
}

async function weigh(what: string, subjectOf: (n: number) => string | undefined): Promise<void> {
  const server = await startRedis()
  const redis = new Redis(server.url)
  const store = redisStore({ client: redis, onWarning: () => undefined })
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
  const before = await used()
  for (let n = 0; n < 50_000; n += 500) {
    const some = upTo(500).map((m) => {
      const subject = subjectOf(n + m)
      return store.insert(newKey(subject), newRecord({ data, ...(subject === undefined ? {} : { subject }) }))
    })
    await Promise.all(some)
  }
  console.log(
    `${what}, ${data.length} bytes of data:`,
    Math.round(((await used()) - before) / 50_000),
    'bytes of Redis',
  )
  redis.disconnect()
  await server.stop()
}

const server = await startRedis()
const nodeRedis = createClient({ url: server.url })
await nodeRedis.connect()
await time('redis', nodeRedis, (key) => nodeRedis.get(key))
nodeRedis.destroy()
const ioredis = new Redis(server.url)
await time('ioredis', ioredis, (key) => ioredis.get(key))
ioredis.disconnect()
await server.stop()
await weigh('a session without a user', () => undefined)
await weigh('a session of a user who has one', (n) => `app:user-${n}`)
await weigh('a session of a user who has four', (n) => `app:user-${n >> 2}`)
