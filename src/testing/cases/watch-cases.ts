import { pause } from '#platform'
import type { StoreKey } from '../../core/key.ts'
import type { LossWindow, SessionRecord, Store, SubjectCap } from '../../core/store.ts'
import { isDurable } from '../../core/store.ts'
import { check } from './assert.ts'
import {
  deadUntil,
  HOUR,
  MINUTE,
  nextOf,
  put,
  siblingKey,
  testKey,
  testRecord,
  withClear,
  withSubjects,
  withWatch,
} from './fixtures.ts'
import type { StoreCase, StoreHarness } from './harness.ts'

const KEY = siblingKey('one')
const TO = siblingKey('two')
const ANN = testKey('ann 1', 'ann')
const ANN_TWO = testKey('ann 2', 'ann')

const endingCases: readonly StoreCase[] = [
  {
    name: 'watch tells of a deleted session, with a mark or without, by its key',
    needs: ['watch'],
    run: (harness) =>
      listening(harness, async ({ store, now, hear }) => {
        await put(store, KEY, testRecord(now(), 'one'))
        await put(store, TO, testRecord(now(), 'two'))
        await store.delete(KEY)
        await hear([KEY])
        await store.delete(TO, deadUntil(now() + MINUTE))
        await hear([KEY, TO])
      }),
  },
  {
    name: 'watch tells of a rotated session by its old key, and not by the new one',
    needs: ['watch'],
    run: (harness) =>
      listening(harness, async ({ store, now, hear }) => {
        const record = await put(store, KEY, testRecord(now(), 'one'))
        const moved = { state: 'moved', to: TO, expiresAt: now() + MINUTE } as const
        await store.rotate(KEY, 1, TO, nextOf(record), { tombstone: moved })
        await hear([KEY])
        await store.rotate(TO, 2, siblingKey('three'), nextOf(nextOf(record)))
        await hear([KEY, TO])
      }),
  },
  {
    name: 'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays',
    needs: ['watch', 'subjects'],
    run: (harness) =>
      listening(harness, async ({ store, now, hear }) => {
        const subjects = withSubjects(store)
        const [third, other] = [testKey('ann 3', 'ann'), testKey('bob', 'bob')]
        for (const key of [ANN, ANN_TWO, third]) await put(store, key, ofAnn(now(), key))
        await put(store, other, testRecord(now(), 'bob', { subject: 'bob' }))
        await subjects.deleteByHandle('ann', ofAnn(now(), third).handle)
        await hear([third])
        await subjects.deleteBySubject('ann', ofAnn(now(), ANN_TWO).handle)
        await hear([third, ANN])
        await subjects.deleteBySubject('ann')
        await hear([third, ANN, ANN_TWO])
      }),
  },
  {
    name: 'watch tells of the sessions that a cap ended, at an insertion and at a rotation',
    needs: ['watch', 'subjects'],
    run: (harness) =>
      listening(harness, async ({ store, now, hear }) => {
        const cap: SubjectCap = { max: 1, onLimit: 'evict-oldest' }
        const third = testKey('ann 3', 'ann')
        await store.insert(ANN, ofAnn(now(), ANN), cap)
        await store.insert(ANN_TWO, ofAnn(now() + 1, ANN_TWO), cap)
        await hear([ANN])
        const visitor = await put(store, KEY, testRecord(now(), 'one'))
        await store.rotate(KEY, 1, third, { ...nextOf(visitor), ...ofAnn(now() + 2, third), version: 2 }, { cap })
        await hear([ANN, ANN_TWO, KEY])
      }),
  },
  {
    name: 'watch tells that every session was ended',
    needs: ['watch', 'clear'],
    run: (harness) =>
      listening(harness, async ({ store, now, hear }) => {
        await put(store, KEY, testRecord(now(), 'one'))
        await withClear(store).clear()
        await hear([], 'cleared')
      }),
  },
]

const silenceCases: readonly StoreCase[] = [
  {
    name: 'watch tells of no insertion, save, touch, reading or miss',
    needs: ['watch'],
    run: (harness) =>
      listening(harness, async ({ store, now, hear }) => {
        const record = await put(store, KEY, testRecord(now(), 'one'))
        await store.insert(KEY, testRecord(now(), 'again'))
        await store.update(KEY, 1, nextOf(record))
        await store.update(KEY, 1, nextOf(record))
        await store.touch(KEY, now() + 1, now() + 2 * HOUR)
        await store.get(KEY)
        await store.rotate(KEY, 1, TO, nextOf(record))
        await store.rotate(TO, 1, siblingKey('three'), nextOf(record))
        await store.delete(TO, deadUntil(now() + MINUTE))
        const last = siblingKey('last')
        await put(store, last, testRecord(now(), 'last'))
        await store.delete(last)
        await hear([last])
      }),
  },
  {
    name: 'watch tells nothing to whoever has stopped, and goes on for the others',
    needs: ['watch'],
    run: (harness) =>
      listening(harness, async ({ store, now, hear }) => {
        let isStopped = false
        let late = 0
        const stop = await withWatch(store).watch(() => {
          if (isStopped) late++
        })
        await put(store, KEY, testRecord(now(), 'one'))
        await stop()
        isStopped = true
        await store.delete(KEY)
        await hear([KEY])
        check(late === 0, 'a watcher that had stopped was told')
      }),
  },
]

const durabilityCases: readonly StoreCase[] = [
  {
    name: 'durability says in numbers and words what can be lost, and never that a logout is safer than it is kept',
    needs: ['durability'],
    run: async ({ store }) => {
      check(isDurable(store), `${store.name}: the case needs the capability durability`)
      const { decisive, saves, touches, words } = store.durability
      check(typeof words === 'string' && words.length > 20, 'durability: expected words')
      for (const [what, loss] of Object.entries({ decisive, saves, touches })) checkWindow(what, loss)
      for (const accident of ['processCrash', 'machineCrash', 'failover'] as const) {
        const isOrdered = decisive[accident] <= saves[accident] && saves[accident] <= touches[accident]
        check(isOrdered, `durability: at ${accident} a cheaper write is kept better than a dearer one`)
      }
    },
  },
]

/** What the capabilities watch and durability promise. */
export const watchCases: readonly StoreCase[] = [...endingCases, ...silenceCases, ...durabilityCases]

function checkWindow(what: string, { processCrash, machineCrash, failover }: LossWindow): void {
  for (const time of [processCrash, machineCrash, failover]) {
    check(typeof time === 'number' && time >= 0, `durability: ${what} must be milliseconds, 0 or Infinity`)
  }
  check(processCrash <= machineCrash, `durability: ${what} outlives its machine better than its process`)
}

function ofAnn(now: number, key: StoreKey): SessionRecord {
  return testRecord(now, key.slice(-8), { subject: 'ann' })
}

interface Ears {
  readonly store: Store
  readonly now: () => number
  /** Waits until all handles have heard of exactly these keys, each at least once, and of `cleared` if it is given. */
  readonly hear: (keys: readonly StoreKey[], cleared?: 'cleared') => Promise<void>
}

/** Runs the case while the store is watched, from a second handle of the same backend too where there can be one. */
async function listening(harness: StoreHarness, run: (ears: Ears) => Promise<void>): Promise<void> {
  const { store, now, another, patience = 10_000 } = harness
  const handles = another === undefined ? [store] : [store, await another()]
  const heard = handles.map((): Set<string> => new Set())
  const stops = await Promise.all(
    handles.map((handle, i) =>
      withWatch(handle).watch((notice) => {
        // That notices may have been missed can be told at any time.
        if (notice.kind !== 'interrupted') heard[i]?.add(notice.kind === 'ended' ? notice.key : notice.kind)
      }),
    ),
  )
  const hear: Ears['hear'] = async (keys, cleared) => {
    const expected = [...keys, ...(cleared === undefined ? [] : [cleared])].toSorted().join(' ')
    const told = (): readonly string[] => heard.map((names) => [...names].toSorted().join(' '))
    for (let waited = 0; waited < patience && told().some((names) => names !== expected); waited += 10) {
      await pause(10)
    }
    for (const names of told()) check(names === expected, `watch: expected "${expected}", heard "${names}"`)
  }
  try {
    await run({ store, now, hear })
  } finally {
    await Promise.all(stops.map((stop) => stop()))
  }
}
