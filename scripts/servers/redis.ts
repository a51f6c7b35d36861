import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Server, ServerOptions } from './server.ts'
import { launch, programOf } from './server.ts'

const defaults = {
  bind: '127.0.0.1',
  'protected-mode': 'no',
  // No snapshots by themselves. Who wants data to outlive the process asks for `appendonly`.
  save: '""',
  // A replica does not wait for others that may come.
  'repl-diskless-sync-delay': '0',
}

/** Redis; `settings` are those of redis.conf, such as `{ appendonly: 'yes', appendfsync: 'always' }`. */
export async function startRedis(options: ServerOptions = {}): Promise<Server> {
  const program = await programOf('redis')
  return launch(redisKind('redis', [program], options, defaults), options)
}

/** Redis as a replica of another, in step with it. */
export async function startReplicaOf(primary: Server, options: ServerOptions = {}): Promise<Server> {
  const program = await programOf('redis')
  const kind = redisKind('redis', [program], options, { ...defaults, replicaof: `127.0.0.1 ${primary.port}` })
  const inStep = async (port: number): Promise<boolean> =>
    (await redisCli(port, 'info', 'replication')).includes('master_link_status:up')
  // After a failover it may come back as a primary: then it need not be in step with any.
  return launch({ ...kind, answers: async (port) => (await isPrimary(port)) || inStep(port) }, options)
}

/** The description of a server that runs the Redis program. */
export function redisKind(
  name: string,
  [program, ...flags]: readonly [program: string, ...flags: string[]],
  options: ServerOptions,
  settings: Readonly<Record<string, string>>,
): Parameters<typeof launch>[0] {
  return {
    name,
    url: (port) => `redis://127.0.0.1:${port}`,
    async prepare(folder, port) {
      const all = Object.entries({ ...settings, ...options.settings, port: String(port), dir: folder })
      await writeFile(join(folder, 'redis.conf'), all.map(([key, value]) => `${key} ${value}\n`).join(''))
    },
    command: (folder) => [program, join(folder, 'redis.conf'), ...flags],
    answers: async (port) => (await redisCli(port, 'ping')) === 'PONG',
    orderly: 'SIGTERM',
    immediate: 'SIGKILL',
  }
}

/** What redis-cli prints for a command. */
export async function redisCli(port: number, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args])
  return stdout.trim()
}

/** Whether the server takes writes, as far as replication goes. */
export async function isPrimary(port: number): Promise<boolean> {
  return (await redisCli(port, 'info', 'replication')).includes('role:master')
}
