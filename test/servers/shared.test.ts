import { Cluster } from 'ioredis'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { createClient } from 'redis'
import { expect, it, onTestFinished } from 'vitest'
import { ownMariadbDatabase, ownName, ownPostgresDatabase, sharedServer } from './support/shared.ts'

it('a test has an empty PostgreSQL database of its own', async (context) => {
  const client = new pg.Client(await ownPostgresDatabase(context))
  await client.connect()
  await client.query('create table sessions (id int)')
  const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`)
  expect(Number.parseInt(rows[0]!.version, 10)).toBeGreaterThanOrEqual(15)
  await client.end()
})

it('a test has an empty MariaDB database of its own', async (context) => {
  const connection = await mysql.createConnection(await ownMariadbDatabase(context))
  await connection.query('create table sessions (id int)')
  const [rows] = await connection.query('show tables')
  expect(rows).toHaveLength(1)
  await connection.end()
})

it('a test shares one Redis server with others, under a prefix of its own', async (context) => {
  const client = createClient({ url: sharedServer(context, 'redis') })
  await client.connect()
  onTestFinished(() => client.destroy())
  const key = `${ownName()}:a`
  expect(await client.set(key, '1', { condition: 'NX' })).toBe('OK')
  expect(await client.del(key)).toBe(1)
})

it('a test shares one Redis Cluster with others, under a prefix of its own', async (context) => {
  const cluster = new Cluster([sharedServer(context, 'redisCluster')])
  onTestFinished(() => cluster.disconnect())
  const prefix = ownName()
  const keys = Array.from({ length: 20 }, (_, index) => `${prefix}:${index}`)
  for (const key of keys) expect(await cluster.set(key, key)).toBe('OK')
  for (const key of keys) expect(await cluster.get(key)).toBe(key)
  for (const key of keys) await cluster.del(key)
})
