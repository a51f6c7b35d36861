import { describe, expect, it } from 'vitest'
import { storeCases } from '../cases/store-cases.ts'
import { lackingFor } from '../cases/harness.ts'
import type { Disk } from './reference.ts'
import { referenceStore } from './reference.ts'

describe('the reference store', () => {
  it.each(storeCases)('$name', async (storeCase) => {
    let time = 1_700_000_000_000
    const now = (): number => time
    const disk: Disk = new Map()
    const store = referenceStore(now, disk)
    const advance = async (milliseconds: number): Promise<void> => {
      time += milliseconds
    }
    const harness = { store, now, advance, reopen: async () => referenceStore(now, disk) }
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
  })

  it('no two cases have one name', () => {
    expect(new Set(storeCases.map(({ name }) => name)).size).toBe(storeCases.length)
  })
})
