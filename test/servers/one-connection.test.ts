import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { mysqlStore } from '../../src/stores/mysql.ts'
import { bed, copyOf, newClient } from '../support/bed.ts'
import { openPool } from './support/mysql-pools.ts'
import { openStore } from './support/postgres-clients.ts'
import { upTo } from './support/sessions.ts'
import { ownMariadbDatabase, ownPostgresDatabase } from './support/shared.ts'

const kinds: readonly { readonly name: string; readonly open: (context: TestContext) => Promise<Store> }[] = [
  {
    name: 'PostgreSQL',
    open: async (context) => (await openStore(await ownPostgresDatabase(context), {}, { max: 1 })).store,
  },
  {
    name: 'MariaDB',
    async open(context) {
      const { pool, close } = openPool(await ownMariadbDatabase(context), { connectionLimit: 1 })
      onTestFinished(close)
      const store = mysqlStore({ client: pool })
      await store.setup()
      return store
    },
  },
]

describe.each(kinds)('with one connection to $name', ({ open }) => {
  it('ASVS5-13.1.2: a hundred requests at once all end, and a hundred sign-ins', async (context) => {
    const { visit, sessions } = bed({ store: await open(context), now: Date.now })
    const client = newClient()
    await visit(client, (session) => session.set('n', 0))
    await Promise.all(upTo(100).map(() => visit(copyOf(client), (session) => session.increment('n'))))
    expect(await visit(client, (session) => session.get('n'))).toBe(100)
    await Promise.all(upTo(100).map((n) => visit(newClient(), (session) => session.login(`user ${n}`))))
    const counts = await Promise.all(upTo(100).map((n) => sessions.forSubject(`user ${n}`).count()))
    expect(counts).toEqual(upTo(100).map(() => 1))
  })
})
