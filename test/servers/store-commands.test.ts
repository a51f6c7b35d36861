// What requests over HTTP ask of the servers, read off the servers themselves.
import mysql from 'mysql2/promise'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Server } from '../../scripts/servers/server.ts'
import { copyOf, newClient } from '../support/bed.ts'
import { startFront } from './support/front.ts'
import { networked } from './support/networked.ts'
import { eyeOn as eyeOnPostgres } from './support/postgres-eye.ts'
import { eyeOn as eyeOnRedis } from './support/redis-eye.ts'
import { upTo } from './support/sessions.ts'

/** How many reads and writes the server has been sent since the last look. */
type Look = () => Promise<{ readonly reads: number; readonly writes: number }>

const looks: Readonly<Record<string, (server: Server) => Promise<Look>>> = {
  async PostgreSQL({ url }) {
    const { calls } = await eyeOnPostgres(url)
    return async () => {
      const { get = 0, ...others } = await calls()
      return { reads: get, writes: Object.values(others).reduce((sum, count) => sum + count, 0) }
    }
  },
  async MariaDB({ url }) {
    const connection = await mysql.createConnection(url)
    onTestFinished(() => connection.end())
    await connection.query("SET GLOBAL log_output = 'TABLE'")
    await connection.query('SET GLOBAL general_log = ON')
    return async () => {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(
        'SELECT CONVERT(argument USING utf8mb4) AS text FROM mysql.general_log WHERE thread_id <> CONNECTION_ID()',
      )
      await connection.query('TRUNCATE mysql.general_log')
      const count = (verb: string): number => rows.filter(({ text }) => String(text).startsWith(verb)).length
      return { reads: count('SELECT '), writes: count('CALL ') }
    }
  },
  async Redis({ url }) {
    const { commands } = eyeOnRedis(url)
    return async () => {
      const { mget = 0, evalsha = 0, eval: evaluated = 0 } = await commands()
      return { reads: mget, writes: evalsha + evaluated }
    }
  },
}

describe.each(networked)('on $name', ({ name, start, open }) => {
  it('a request asks of the server what docs/choosing-a-store.md says, and 64 at once ask less than 64 times', async (context) => {
    const server = await start(context)
    const look = await looks[name]?.(server)
    if (look === undefined) throw new Error(`nobody looks at ${name}`)
    const { visit } = await startFront({ store: await open(server) })
    const ann = newClient()
    // Whatever is done once in the life of a process.
    await visit(newClient(), (session) => session.login('eve'))
    await look()
    const costOf = async (work: Promise<{ readonly status: number }>) => {
      expect(await work).toMatchObject({ status: 200 })
      return look()
    }
    const costs = {
      anonymous: await costOf(visit(ann, (session) => session.get('a') ?? null)),
      'first save': await costOf(visit(ann, (session) => session.set('a', 1))),
      read: await costOf(visit(ann, (session) => session.get('a'))),
      change: await costOf(visit(ann, (session) => session.set('a', 2))),
      login: await costOf(visit(ann, (session) => session.login('ann'))),
      logout: await costOf(visit(ann, (session) => session.logout())),
    }
    expect(costs).toEqual({
      anonymous: { reads: 0, writes: 0 },
      'first save': { reads: 0, writes: 1 },
      read: { reads: 1, writes: 0 },
      change: { reads: 1, writes: 1 },
      login: { reads: 2, writes: 1 },
      logout: { reads: 1, writes: 1 },
    })
    const crowd = upTo(64).map(() => newClient())
    await Promise.all(crowd.map((client) => visit(client, (session) => session.set('a', 1))))
    await look()
    const atOnce = (page: Parameters<typeof visit>[1]) => {
      const all = Promise.all(crowd.map((client) => visit(copyOf(client), page)))
      return costOf(all.then((answers) => answers.find(({ status }) => status !== 200) ?? { status: 200 }))
    }
    const reads = await atOnce((session) => session.get('a'))
    const changes = await atOnce((session) => session.set('a', 2))
    // One of each, as a rule; on a busy machine requests may come in several turns.
    expect(reads.writes).toBe(0)
    for (const count of [reads.reads, changes.reads, changes.writes]) expect(count).toBeLessThan(8)
    console.log(`${name}: ${JSON.stringify({ ...costs, '64 reads': reads, '64 changes': changes })}`)
  })
})
