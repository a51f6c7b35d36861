import type pg from 'pg'
import { onTestFinished } from 'vitest'
import { openPool } from './postgres-clients.ts'
import { ownName } from './shared.ts'

/** A user of the server without any right, for the test that runs, and a pool of that user's connections. */
export async function newRole(
  admin: Pick<pg.Client, 'query'>,
  url: string,
): Promise<{ readonly role: string; readonly client: pg.Pool }> {
  const role = ownName()
  await admin.query(`create role ${role} login`)
  onTestFinished(async () => {
    await admin.query(`drop owned by ${role}`)
    await admin.query(`drop role ${role}`)
  })
  const { pool, close } = openPool(Object.assign(new URL(url), { username: role }).href)
  onTestFinished(close)
  return { role, client: pool }
}
