import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { rehearse } from './rehearsal.ts'
import { plantedOnes } from './wrong.ts'

const SEED = Number(process.env['FAULT_SEED'] ?? 20_261_120)
const PATIENCE = 20_000

describe('the checker of the fault campaign', () => {
  it('STORE-18: it has nothing to say about a store that is right, whatever fails in front of it', async () => {
    const { findings, tally } = await rehearse(memoryStore(), { seed: SEED, acknowledged: 10_000 })
    expect(findings).toEqual([])
    expect(tally.done).toBeGreaterThan(10_000)
    expect(tally.unknown).toBeGreaterThan(50)
    expect(tally.happenedAllTheSame).toBeGreaterThan(5)
    for (const kind of [
      'login',
      'elevate',
      'rotate',
      'logout',
      'destroy',
      'endAll',
      'endOthers',
      'end',
      'list',
      'take',
    ]) {
      expect(tally.acknowledged.get(kind) ?? 0, kind).toBeGreaterThan(20)
    }
  })

  it.each(plantedOnes.flatMap(({ name, found, make }) => found.map((kind) => ({ name, kind, make }))))(
    'STORE-18: it finds "$kind" where $name',
    async ({ kind, make }) => {
      const { findings } = await rehearse(make(SEED), { seed: SEED, acknowledged: PATIENCE, until: kind })
      expect(findings.map((finding) => finding.kind)).toContain(kind)
    },
  )
})
