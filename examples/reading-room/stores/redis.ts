import { redisStore } from 'sojourn/stores/redis'
import { needed } from './needed.ts'
import { ready } from './ready.ts'
import type { OpenStore } from './store.ts'

/** Sessions in Redis or Valkey, through a client of `redis`. */
export async function openRedis(url: string): Promise<OpenStore> {
  const { createClient } = await needed('redis', () => import('redis'))
  let hasBegun = false
  // A server that is not there at the start is an error; one that goes away later may come back.
  const reconnectStrategy = (attempts: number): number | false => hasBegun && Math.min(50 * 2 ** attempts, 2000)
  const client = createClient({ url, socket: { connectTimeout: 5000, reconnectStrategy } })
  // Each call that fails says so itself; without a listener the event would end the process.
  client.on('error', () => undefined)
  const store = redisStore({ client })
  const setup = async (): Promise<void> => {
    await client.connect()
    hasBegun = true
    await store.setup()
  }
  return ready(url, { store, setup, disconnect: async () => client.isOpen && client.destroy() })
}
