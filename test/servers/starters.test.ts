import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { inProject } from '../../scripts/lib/project.ts'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import { isRunning } from '../../scripts/servers/processes.ts'
import { startRedis } from '../../scripts/servers/redis.ts'
import { until } from '../../scripts/servers/until.ts'
import { own } from './support/own.ts'

const durable = { appendonly: 'yes', appendfsync: 'always' }

/** Each with a way to keep a number, and to read it again. */
const kinds = [
  {
    name: 'PostgreSQL',
    starter: 'startPostgres',
    file: 'postgres.ts',
    start: () => startPostgres(),
    write: async (url: string) => void (await onPostgres(url, 'create table kept as select 7 as n')),
    read: (url: string) => onPostgres(url, 'select n from kept'),
  },
  {
    name: 'MariaDB',
    starter: 'startMariadb',
    file: 'mariadb.ts',
    start: () => startMariadb(),
    write: async (url: string) => void (await onMariadb(url, 'create table kept as select 7 as n')),
    read: (url: string) => onMariadb(url, 'select n from kept'),
  },
  {
    name: 'Redis',
    starter: 'startRedis',
    file: 'redis.ts',
    start: () => startRedis({ settings: durable }),
    write: async (url: string) => void (await onRedis(url, 'set', 'kept', '7')),
    read: async (url: string) => Number(await onRedis(url, 'get', 'kept')),
  },
]

describe.each(kinds)('$name', ({ starter, file, start, write, read }) => {
  it('keeps its data and its port through kill -9 and restarts, and leaves nothing when it is stopped', async (context) => {
    const server = await own(context, start)
    await write(server.url)
    const pids = [server.pid]

    await server.kill9()
    expect(server.isRunning).toBe(false)
    await expect(read(server.url)).rejects.toThrow(/ECONNREFUSED|connection/i)
    await server.restart()
    expect(await read(server.url)).toBe(7)
    pids.push(server.pid)

    await server.restart()
    expect(await read(server.url)).toBe(7)
    pids.push(server.pid)
    expect(new Set(pids).size).toBe(3)

    await server.stop()
    expect(existsSync(server.folder)).toBe(false)
    expect(pids.filter(isRunning)).toEqual([])
  })

  it('ends with the process that started it, even by kill -9, and its folder with it', async (context) => {
    // Skips where its part is missing.
    await (await own(context, start)).stop()
    const program = `
      import { ${starter} } from ${JSON.stringify(inProject('scripts', 'servers', file))}
      const { pid, folder } = await ${starter}()
      console.log(JSON.stringify({ pid, folder }))
      setInterval(() => {}, 60_000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const { pid, folder } = JSON.parse(line) as { pid: number; folder: string }
    expect(isRunning(pid)).toBe(true)
    expect(existsSync(folder)).toBe(true)

    child.kill('SIGKILL')
    await until('the server and its folder are gone', () => Promise.resolve(!isRunning(pid) && !existsSync(folder)))
  })
})

it('a server that cannot start says what it complained of, and leaves nothing', async (context) => {
  await (await own(context, () => startRedis())).stop()
  await expect(startRedis({ settings: { appendfsync: 'sometimes' } })).rejects.toThrow(/appendfsync/)
})

async function onPostgres(url: string, statement: string): Promise<unknown> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ n: number }>(statement)
    return rows[0]?.n
  } finally {
    await client.end()
  }
}

async function onMariadb(url: string, statement: string): Promise<unknown> {
  const connection = await mysql.createConnection(url)
  try {
    const [rows] = await connection.query<(mysql.RowDataPacket & { n: number })[]>(statement)
    return rows[0]?.n
  } finally {
    await connection.end()
  }
}

async function onRedis(url: string, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  // The caller hears of it by the rejected call.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.call(command, ...args)
  } finally {
    client.disconnect()
  }
}
