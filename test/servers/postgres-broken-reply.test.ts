import postgres from 'postgres'
import { expect, it, onTestFinished } from 'vitest'
import { postgresStore } from '../../src/stores/postgres.ts'
import { testKey, testRecord } from '../../src/testing/index.ts'
import { CALM, startProxy } from '../faults/proxy.ts'
import { ownPostgresDatabase } from './support/shared.ts'

it('STORE-5: after a reply that broke off in the middle, postgres gives all rows of the next one and no holes', async (context) => {
  const url = new URL(await ownPostgresDatabase(context))
  const proxy = await startProxy({ target: { host: url.hostname, port: Number(url.port) }, random: () => 0 })
  onTestFinished(() => proxy.close())
  url.port = String(proxy.port)
  const sql = postgres(url.href, { max: 1, fetch_types: false, onnotice: () => undefined })
  onTestFinished(() => sql.end({ timeout: 1 }))
  const store = postgresStore({ client: sql })
  await store.setup()
  const subject = 'ann'
  for (let n = 0; n < 12; n++) {
    await store.insert(testKey(`${n}`), testRecord(Date.now(), `${n}`, { subject, data: 'x'.repeat(400) }))
  }
  expect(await store.listBySubject(subject)).toHaveLength(12)

  proxy.setWeather({ ...CALM, cutReply: 1 })
  await expect(store.listBySubject(subject)).rejects.toThrow('postgres')
  proxy.setWeather(CALM)

  const list = await store.listBySubject(subject)
  expect(list.filter((record) => record?.state === 'live')).toHaveLength(12)
  expect(list).toHaveLength(12)
})
