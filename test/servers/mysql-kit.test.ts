import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { mysqlStore } from '../../src/stores/mysql.ts'
import { lackingFor, type StoreHarness, storeCases } from '../../src/testing/index.ts'
import { type PoolKind, poolKinds } from './support/mysql-pools.ts'
import { ownMariadbDatabase } from './support/shared.ts'

const START = 1_700_000_000_000

describe.each(poolKinds)('STORE-16: the MySQL store on MariaDB keeps the store contract with $name', (kind) => {
  it.for(storeCases)('$name', async (storeCase, context) => {
    const harness = await harnessOf(kind, context)
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
  })
})

async function harnessOf(kind: PoolKind, context: TestContext): Promise<StoreHarness> {
  const { client, close } = kind.open(await ownMariadbDatabase(context))
  onTestFinished(close)
  let time = START
  const now = (): number => time
  let store = mysqlStore({ client, now })
  await store.setup()
  return {
    store,
    now,
    advance: async (milliseconds) => {
      time += milliseconds
    },
    reopen: async () => {
      await store.close()
      store = mysqlStore({ client, now })
      return store
    },
  }
}
