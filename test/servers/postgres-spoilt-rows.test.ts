import { describe, expect, it, onTestFinished } from 'vitest'
import { postgresStore } from '../../src/stores/postgres.ts'
import { testKey, testRecord } from '../../src/testing/index.ts'
import { bed, newClient, tokenOf } from '../support/bed.ts'
import { openPool } from './support/postgres-clients.ts'
import { ownPostgresDatabase } from './support/shared.ts'

const spoilings = [
  'handle = NULL',
  'expires_at = 9223372036854775000',
  "meta = E'\\u0001\\''",
  "data = E'\\u0001x'",
  "state = 'moved', moved_to = 'x'",
]

describe('one row that cannot be read', () => {
  it.for(spoilings)(
    'fails nobody else who reads in the same turn, and counts as absent: %s (S5)',
    async (change, context) => {
      const { pool, close } = openPool(await ownPostgresDatabase(context))
      onTestFinished(close)
      const store = postgresStore({ client: pool })
      await store.setup()
      const { sessions, visit, signedIn, record, open } = bed({ store, now: Date.now, initial: () => ({}) })
      const users = Array.from({ length: 20 }, (_, n) => `user-${n}`)
      const clients = await Promise.all(users.map((user) => signedIn(user)))
      const [spoilt] = await sessions.forSubject('user-7').list()
      await pool.query(`UPDATE sojourn_sessions SET ${change} WHERE handle = $1`, [spoilt?.handle])
      const seen = record('undecodable')

      const opened = await Promise.all(clients.map((client) => open(client)))
      expect(opened.map(({ subject }) => subject)).toEqual(users.map((user) => (user === 'user-7' ? undefined : user)))
      expect(seen).toMatchObject([{ event: { data: 'unopened', error: { code: 'undecodable' } } }])

      // Its visitor is not locked out.
      const ann = clients[7] ?? newClient()
      const before = tokenOf(ann)
      await visit(ann, (session) => session.login('ann'))
      expect([await visit(ann, (session) => session.subject), tokenOf(ann) === before]).toEqual(['ann', false])
      await visit(ann, (session) => session.logout())
      expect(tokenOf(ann)).toBeUndefined()
    },
  )

  it('fails nobody else who writes in the same turn (S5)', async (context) => {
    const { pool, close } = openPool(await ownPostgresDatabase(context))
    onTestFinished(close)
    const store = postgresStore({ client: pool })
    await store.setup()
    const labels = Array.from({ length: 20 }, (_, n) => `s-${n}`)
    const records = labels.map((label) => testRecord(Date.now(), label))
    for (const [n, label] of labels.entries()) await store.insert(testKey(label), records[n] ?? testRecord(0, label))
    await pool.query('UPDATE sojourn_sessions SET version = 5, handle = NULL WHERE key = $1', [testKey('s-7')])
    const saves = labels.flatMap((label, n) => {
      const record = records[n] ?? testRecord(0, label)
      return [store.update(testKey(label), 1, { ...record, version: 2, data: '"next"' })]
    })
    const outcomes = await Promise.all(
      saves.map((save) =>
        save.then(
          ({ outcome }) => outcome,
          (error: unknown) => error,
        ),
      ),
    )
    expect(outcomes[7]).toMatchObject({ code: 'undecodable' })
    expect(outcomes.filter((outcome) => outcome === 'updated')).toHaveLength(19)
  })
})
