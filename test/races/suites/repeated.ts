import { describe, expect } from 'vitest'
import type { SessionRecord } from '../../../src/core/store.ts'
import { deadUntil, nextOf, testKey, testRecord } from '../../../src/testing/cases/fixtures.ts'
import { MINUTE } from '../../support/bed.ts'
import type { Lab, Race } from '../lab.ts'

const OLD = testKey('visitor')
const NEW = testKey('login', 'ann')

/** Logins as a store is asked for them, once more after a lost answer or beside what else is wrong. */
export function repeatedRaces(race: Race): void {
  describe('a login at the store', () => {
    race('RACE-5 RACE-6: asked again after its answer was lost, it finds the old session gone', async (lab) => {
      const old = await visitorIn(lab)
      const login = loginOf(old)
      const mark = deadUntil(lab.clock.now() + MINUTE)
      const ask = (): ReturnType<typeof lab.raw.rotate> => lab.raw.rotate(OLD, 1, NEW, login, { tombstone: mark })
      expect(await ask()).toEqual({ outcome: 'rotated', evicted: [] })
      expect(await ask()).toEqual({ outcome: 'gone', tombstone: mark })
      expect(await lab.raw.get(NEW)).toEqual(login)
      expect(await lab.live()).toEqual([login])
    })

    race('RACE-4 RACE-6: that the old session is gone or changed comes before a limit that is reached', async (lab) => {
      const other = { ...testRecord(lab.clock.now(), 'other'), subject: 'ann' }
      await lab.raw.insert(testKey('other', 'ann'), other)
      const old = await visitorIn(lab)
      const cap = { max: 1, onLimit: 'reject' } as const
      const ask = (): ReturnType<typeof lab.raw.rotate> => lab.raw.rotate(OLD, 1, NEW, loginOf(old), { cap })
      expect(await ask()).toEqual({ outcome: 'limit' })
      const changed = nextOf(old, { data: 'changed' })
      await lab.raw.update(OLD, 1, changed)
      expect(await ask()).toEqual({ outcome: 'conflict', current: changed })
      await lab.raw.delete(OLD)
      expect(await ask()).toEqual({ outcome: 'gone' })
      expect(await lab.live()).toEqual([other])
    })
  })
}

async function visitorIn(lab: Lab): Promise<SessionRecord> {
  const record = testRecord(lab.clock.now(), 'visitor')
  await lab.raw.insert(OLD, record)
  return record
}

function loginOf(old: SessionRecord): SessionRecord {
  return nextOf(old, { handle: 'handle-login', subject: 'ann' })
}
