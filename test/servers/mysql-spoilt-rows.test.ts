import { expect, it } from 'vitest'
import { nextOf, put, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { bed } from '../support/bed.ts'
import { clockAt, mysqlBench } from './support/mysql-stores.ts'

const { now } = clockAt()
const START = now()
const SPOILT = 7
const labels = Array.from({ length: 40 }, (_, n) => `user-${n}`)
const others = labels.filter((_, n) => n !== SPOILT)
const spoiling = "state = 'moved', moved_to = 'oops'"

/** What became of each: its value, or the code of its error. */
async function outcomesOf(calls: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(calls)
  return settled.map((one): unknown =>
    one.status === 'fulfilled' ? one.value : Reflect.get(Object(one.reason), 'code'),
  )
}

const except = (outcomes: readonly unknown[]): readonly unknown[] => outcomes.filter((_, n) => n !== SPOILT)

it('one row that cannot be read: the others of its turn are read and saved once, and told so (S5)', async (context) => {
  const { store, sql } = await mysqlBench(context, { now })
  const records = await Promise.all(labels.map((label) => put(store, testKey(label), testRecord(START, label))))
  await sql(`UPDATE sojourn_sessions SET ${spoiling} WHERE store_key = '${testKey(`user-${SPOILT}`)}'`)

  const found = await outcomesOf(labels.map((label) => store.get(testKey(label))))
  expect(found[SPOILT]).toBe('undecodable')
  expect(except(found)).toEqual(except(records))

  // Of two saves of one session the first is done: also the answers that are asked for are right.
  const saves = records.flatMap((record, n) => [
    store.update(testKey(labels[n] ?? ''), 1, nextOf(record, { data: '"first"' })),
    store.update(testKey(labels[n] ?? ''), 1, nextOf(record, { data: '"second"' })),
  ])
  const saved = await outcomesOf(saves)
  expect(saved.slice(2 * SPOILT, 2 * SPOILT + 2)).toEqual(['undecodable', 'undecodable'])
  expect(except(saved.filter((_, n) => n % 2 === 0))).toEqual(others.map(() => ({ outcome: 'updated' })))
  expect(except(saved.filter((_, n) => n % 2 === 1))).toEqual(
    except(records.map((record) => ({ outcome: 'conflict', current: { ...record, version: 2, data: '"first"' } }))),
  )
})

it('one row that cannot be read: the counters of the others in its turn go up by one (S5)', async (context) => {
  const { store, sql } = await mysqlBench(context)
  const { sessions, visit, signedIn } = bed<{ n?: number }>({ store, now: Date.now })
  const clients = await Promise.all(labels.map((user) => signedIn(user)))
  const [spoilt] = await sessions.forSubject(`user-${SPOILT}`).list()
  // Spoilt while its request runs: every request has loaded by then, and all save in one turn.
  let loaded = 0
  const all = Promise.withResolvers<unknown>()
  const counts = await outcomesOf(
    clients.map((client) =>
      visit(client, async (session) => {
        session.get('n')
        if (++loaded === clients.length) {
          all.resolve(sql(`UPDATE sojourn_sessions SET ${spoiling} WHERE handle = '${spoilt?.handle ?? ''}'`))
        }
        await all.promise
        return session.increment('n')
      }),
    ),
  )
  expect(except(counts)).toEqual(others.map(() => 1))
  expect(counts[SPOILT]).not.toBe(1)
  const after = await Promise.all(clients.map((client) => visit(client, (session) => session.get('n'))))
  expect(except(after)).toEqual(others.map(() => 1))
})

it('a statement that was killed is not asked for again, whatever of it was done', async (context) => {
  const { store, sql } = await mysqlBench(context, { now })
  const sessions = labels.slice(0, 4)
  const records = await Promise.all(sessions.map((label) => put(store, testKey(label), testRecord(START, label))))
  // A trigger makes the saves last until they are seen and killed.
  await sql(
    'CREATE TRIGGER lasting BEFORE UPDATE ON sojourn_sessions FOR EACH ROW SET NEW.epoch = NEW.epoch + SLEEP(20)',
  )
  const asleep = async (): Promise<readonly number[]> => {
    const rows = await sql(
      "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'",
    )
    return rows.map(({ id }) => Number(id))
  }
  const saving = outcomesOf(records.map((record, n) => store.update(testKey(sessions[n] ?? ''), 1, nextOf(record))))
  await expect.poll(asleep, { timeout: 20_000 }).toHaveLength(1)
  const [id] = await asleep()
  await sql(`KILL QUERY ${id}`)
  expect(await saving).toEqual(sessions.map(() => 'store-unavailable'))
  expect(await asleep()).toEqual([])
})
