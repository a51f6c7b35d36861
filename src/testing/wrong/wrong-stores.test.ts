import { describe, expect, it } from 'vitest'
import type { StoreCase, StoreHarness } from '../cases/harness.ts'
import type { Disk } from './reference.ts'
import { storeCases } from '../cases/store-cases.ts'
import { wrongStores, type WrongStore } from './wrong-stores.ts'

describe('stores that are wrong on purpose', () => {
  it.each(wrongStores)('STORE-16: fails exactly the cases it breaks: $name', async (wrong) => {
    expect((await failures(wrong)).toSorted()).toEqual(wrong.breaks.toSorted())
  })

  it('STORE-16: every case is failed by some wrong store', () => {
    const broken = new Set(wrongStores.flatMap(({ breaks }) => breaks))
    expect(storeCases.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([])
  })
})

async function failures({ make }: WrongStore): Promise<string[]> {
  const names: string[] = []
  for (const storeCase of storeCases) {
    if (!(await passes(storeCase, make))) names.push(storeCase.name)
  }
  return names
}

async function passes(storeCase: StoreCase, make: WrongStore['make']): Promise<boolean> {
  let time = 1_700_000_000_000
  const now = (): number => time
  const disk: Disk = new Map()
  const advance = async (milliseconds: number): Promise<void> => {
    time += milliseconds
  }
  const harness: StoreHarness = {
    store: make(now, disk),
    now,
    advance,
    reopen: async () => make(now, disk),
    patience: 20,
  }
  return await storeCase.run(harness).then(
    () => true,
    () => false,
  )
}
