import { randomBytes } from 'node:crypto'
import mysql from 'mysql2/promise'
import pg from 'pg'
import type { TestContext } from 'vitest'
import { inject, onTestFinished } from 'vitest'
import type { SharedServerName } from '../setup.ts'

/** The address of a server that all tests share; without one the test is skipped and says why. */
export function sharedServer(context: TestContext, name: SharedServerName): string {
  const server = inject(name)
  if ('missing' in server) return context.skip(server.missing)
  return server.url
}

/** A name that no other test uses: for a database, a schema, or the prefix of Redis keys. */
export function ownName(): string {
  return `t${randomBytes(6).toString('hex')}`
}

/** The address of an empty PostgreSQL database on the shared server, gone when the test is over. */
export async function ownPostgresDatabase(context: TestContext): Promise<string> {
  const url = new URL(sharedServer(context, 'postgres'))
  const name = ownName()
  await onPostgres(url.href, `create database ${name}`)
  onTestFinished(() => onPostgres(url.href, `drop database ${name} with (force)`))
  return Object.assign(new URL(url), { pathname: `/${name}` }).href
}

/** The address of an empty MariaDB database on the shared server, gone when the test is over. */
export async function ownMariadbDatabase(context: TestContext): Promise<string> {
  const url = new URL(sharedServer(context, 'mariadb'))
  const name = ownName()
  await onMariadb(url.href, `create database ${name}`)
  onTestFinished(() => onMariadb(url.href, `drop database ${name}`))
  return Object.assign(new URL(url), { pathname: `/${name}` }).href
}

async function onPostgres(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function onMariadb(url: string, statement: string): Promise<void> {
  const connection = await mysql.createConnection(url)
  try {
    await connection.query(statement)
  } finally {
    await connection.end()
  }
}
