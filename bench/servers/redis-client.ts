import { createClient } from 'redis'

/** The client that every subject with Redis uses, connected. */
export async function redisClient(url: string) {
  const client = createClient({ url })
  client.on('error', (error: unknown) => console.error(error))
  await client.connect()
  return client
}
