import { describe, it, onTestFinished } from 'vitest'
import { mysqlStore } from '../../src/stores/mysql.ts'
import { storeCases } from '../../src/testing/index.ts'
import { poolKinds } from './support/mysql-pools.ts'
import { playCase } from './support/play-case.ts'
import { ownMariadbDatabase } from './support/shared.ts'

describe.each(poolKinds)('STORE-16: the MySQL store on MariaDB keeps the store contract with $name', ({ open }) => {
  it.for(storeCases)('$name', async (storeCase, context) => {
    const { client, close } = open(await ownMariadbDatabase(context))
    onTestFinished(close)
    const first = mysqlStore({ client })
    await first.setup()
    await first.close()
    await playCase(storeCase, (now) => mysqlStore({ client, now }))
  })
})
