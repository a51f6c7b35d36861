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
  const answers: typeof kind.answers = async (port, folder) =>
    // After a failover it may come back as a primary, which follows none.
    (await kind.answers(port, folder)) && ((await isPrimary(port)) || (await isInStep(port)))
  return launch({ ...kind, answers }, options)
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
      await writeFile(configOf(folder), all.map(([key, value]) => `${key} ${value}\n`).join(''))
    },
    command: (folder) => [program, configOf(folder), ...flags],
    answers: async (port, folder) =>
      (await redisCli(port, 'info', 'server')).includes(`config_file:${configOf(folder)}`),
    orderly: 'SIGTERM',
    immediate: 'SIGKILL',
  }
}

/** The configuration file that a Redis with this folder reads, and rewrites when its role changes. */
export function configOf(folder: string): string {
  return join(folder, 'redis.conf')
}

/** What redis-cli prints for a command. */
export async function redisCli(port: number, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args])
  return stdout.trim()
}

/** Whether the server is a replica that has all that its primary had. */
export async function isInStep(port: number): Promise<boolean> {
  return (await redisCli(port, 'info', 'replication')).includes('master_link_status:up')
}

async function isPrimary(port: number): Promise<boolean> {
  return (await redisCli(port, 'info', 'replication')).includes('role:master')
}
