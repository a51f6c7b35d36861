import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Store, Tombstone } from '../../core/store.ts'
import { check, equal } from './assert.ts'
import {
  countLive,
  deadUntil,
  HOUR,
  liveAt,
  MINUTE,
  nextOf,
  put,
  range,
  siblingKey,
  testKey,
  testRecord,
  withSubjects,
} from './fixtures.ts'
import type { StoreCase } from './harness.ts'

const OLD = siblingKey('old')
const NEW = siblingKey('new')

const outcomeCases: readonly StoreCase[] = [
  {
    name: 'after a rotation the new key holds the new record and the old key is free',
    run: async ({ store, now }) => {
      const record = await put(store, OLD, testRecord(now(), 'one'))
      const next = nextOf(record, { data: '"next"', meta: '"next"', expiresAt: now() + 2 * HOUR })
      equal(await store.rotate(OLD, 1, NEW, next), { outcome: 'rotated', evicted: [] }, 'rotate')
      equal(await store.get(NEW), next, 'the new key')
      equal(await store.get(OLD), undefined, 'the old key')
      await put(store, OLD, testRecord(now(), 'another'))
    },
  },
  ...(['moved', 'dead'] as const).map((state) => ({
    name: `a rotation leaves its mark (${state}) under the old key until the mark expires`,
    run: async ({ store, now, advance }: Parameters<StoreCase['run']>[0]): Promise<void> => {
      const expiresAt = now() + MINUTE
      const tombstone: Tombstone = state === 'dead' ? deadUntil(expiresAt) : { state, to: NEW, expiresAt }
      const next = nextOf(await put(store, OLD, testRecord(now(), 'one')))
      equal((await store.rotate(OLD, 1, NEW, next, { tombstone })).outcome, 'rotated', 'rotate')
      await advance(MINUTE - 1)
      equal(await store.get(OLD), tombstone, 'the mark one millisecond before its deadline')
      await advance(1)
      equal(await store.get(OLD), undefined, 'the mark at its deadline')
      equal(await store.get(NEW), next, 'the new key')
    },
  })),
  {
    name: 'rotate at another version answers conflict with the current record and changes nothing',
    run: async ({ store, now }) => {
      const record = await put(store, OLD, testRecord(now(), 'one', { version: 3 }))
      const tombstone = deadUntil(now() + MINUTE)
      const result = await store.rotate(OLD, 2, NEW, nextOf(record), { tombstone })
      equal(result, { outcome: 'conflict', current: record }, 'rotate at version 2 of 3')
      equal(await store.get(OLD), record, 'the old key')
      equal(await store.get(NEW), undefined, 'the new key')
    },
  },
  {
    name: 'DOS-3: rotate of an unknown or deleted key answers gone and stores nothing',
    run: async ({ store, now }) => {
      const record = testRecord(now(), 'one')
      const tombstone = deadUntil(now() + MINUTE)
      equal(await store.rotate(OLD, 1, NEW, nextOf(record), { tombstone }), { outcome: 'gone' }, 'of an unknown key')
      await put(store, OLD, record)
      await store.delete(OLD)
      equal(await store.rotate(OLD, 1, NEW, nextOf(record), { tombstone }), { outcome: 'gone' }, 'of a deleted key')
      equal(await store.get(OLD), undefined, 'the old key')
      equal(await store.get(NEW), undefined, 'the new key')
    },
  },
  {
    name: 'rotate of a marked key answers gone with the mark and leaves it',
    run: async ({ store, now }) => {
      const record = await put(store, OLD, testRecord(now(), 'one'))
      const mark: Tombstone = { state: 'moved', to: siblingKey('elsewhere'), expiresAt: now() + MINUTE }
      await store.rotate(OLD, 1, mark.to, nextOf(record), { tombstone: mark })
      const again = await store.rotate(OLD, 1, NEW, nextOf(record), { tombstone: deadUntil(now() + HOUR) })
      equal(again, { outcome: 'gone', tombstone: mark }, 'the second rotation')
      equal(await store.get(OLD), mark, 'the mark')
      equal(await store.get(NEW), undefined, 'the new key')
    },
  },
  {
    name: 'rotate onto a live or marked key answers exists and changes nothing',
    run: async ({ store, now }) => {
      const record = await put(store, OLD, testRecord(now(), 'one'))
      const taken = await put(store, NEW, testRecord(now(), 'two'))
      equal(await store.rotate(OLD, 1, NEW, nextOf(record)), { outcome: 'exists' }, 'onto a live key')
      equal(await store.get(NEW), taken, 'the live record that was there')
      const mark = deadUntil(now() + MINUTE)
      await store.delete(NEW, mark)
      equal(await store.rotate(OLD, 1, NEW, nextOf(record)), { outcome: 'exists' }, 'onto a marked key')
      equal(await store.get(NEW), mark, 'the mark that was there')
      equal(await store.get(OLD), record, 'the old key')
    },
  },
  {
    name: 'rotate onto a key whose record has expired succeeds',
    run: async ({ store, now, advance }) => {
      const record = await put(store, OLD, testRecord(now(), 'one'))
      await put(store, NEW, testRecord(now(), 'two', { expiresAt: now() + MINUTE }))
      await advance(MINUTE)
      equal((await store.rotate(OLD, 1, NEW, nextOf(record))).outcome, 'rotated', 'rotate')
      equal(await store.get(NEW), nextOf(record), 'the new key')
    },
  },
]

const raceCases: readonly StoreCase[] = [
  {
    name: 'RACE-6: many concurrent rotations of one session leave exactly one live session',
    run: async ({ store, now }) => {
      const record = await put(store, OLD, testRecord(now(), 'one'))
      const keys = range(20).map((n) => siblingKey(`new-${n}`))
      const results = await Promise.all(keys.map((key) => store.rotate(OLD, 1, key, nextOf(record))))
      equal(results.filter(({ outcome }) => outcome === 'rotated').length, 1, 'rotations that were told rotated')
      equal(results.filter(({ outcome }) => outcome === 'gone').length, 19, 'rotations that were told gone')
      equal(await countLive(store, [OLD, ...keys]), 1, 'live sessions')
    },
  },
  {
    name: 'RACE-6: who loses a race of rotations is told the mark that leads to the winner',
    run: async ({ store, now }) => {
      const record = await put(store, OLD, testRecord(now(), 'one'))
      const keys = range(10).map((n) => siblingKey(`new-${n}`))
      const expiresAt = now() + MINUTE
      const results = await Promise.all(
        keys.map((to) => store.rotate(OLD, 1, to, nextOf(record), { tombstone: { state: 'moved', to, expiresAt } })),
      )
      const to = keys.find((_, n) => results[n]?.outcome === 'rotated')
      const losers = results.filter(({ outcome }) => outcome !== 'rotated')
      const expected = { outcome: 'gone', tombstone: { state: 'moved', to, expiresAt } }
      equal(
        losers,
        Array.from({ length: 9 }, () => expected),
        'the losers',
      )
      equal(await countLive(store, keys), 1, 'live sessions')
    },
  },
  {
    name: 'RACE-4: update, touch and delete with the old key change nothing after a rotation',
    run: async ({ store, now }) => {
      const record = await put(store, OLD, testRecord(now(), 'one'))
      const next = nextOf(record, { data: '"next"' })
      const tombstone = deadUntil(now() + MINUTE)
      await store.rotate(OLD, 1, NEW, next, { tombstone })
      for (const version of [1, 2]) {
        const late = { ...record, version: version + 1, data: '"late"' }
        equal(await store.update(OLD, version, late), { outcome: 'gone', tombstone }, `update at ${version}`)
      }
      equal(await store.touch(OLD, now() + 1, now() + 2 * HOUR), false, 'touch')
      equal(await store.delete(OLD), false, 'delete')
      equal(await store.get(OLD), tombstone, 'the old key')
      equal(await store.get(NEW), next, 'the new key')
    },
  },
  {
    name: 'RACE-4: of a save and a rotation from one version exactly one wins',
    run: async ({ store, now }) => {
      for (const n of range(8)) {
        const [from, to] = [siblingKey(`from-${n}`), siblingKey(`to-${n}`)]
        const record = await put(store, from, testRecord(now(), `${n}`))
        const save = (): Promise<unknown> => store.update(from, 1, nextOf(record, { data: '"saved"' }))
        const rotation = (): Promise<unknown> => store.rotate(from, 1, to, nextOf(record, { data: '"rotated"' }))
        await Promise.all((n % 2 === 0 ? [save, rotation] : [rotation, save]).map((call) => call()))
        equal(await countLive(store, [from, to]), 1, 'live sessions')
        const found = (await store.get(from)) ?? (await store.get(to))
        check(found?.state === 'live', 'the session must live on')
        equal(found.version, 2, 'the version, one step on')
      }
    },
  },
  {
    name: 'RACE-6: nobody who looks while a rotation runs sees two live sessions, or none',
    run: async ({ store, now }) => {
      let record = await put(store, siblingKey('step-0'), testRecord(now(), 'one'))
      for (const n of range(20)) {
        const [from, to] = [siblingKey(`step-${n}`), siblingKey(`step-${n + 1}`)]
        record = nextOf(record)
        await watchRotation(store, from, to, record)
      }
    },
  },
  {
    name: 'RACE-5 RACE-14: a rotation into an account takes the old session out and the new one in as one step',
    needs: ['subjects'],
    run: async (harness) => {
      const store = withSubjects(harness.store)
      const { now } = harness
      const to = testKey('in', 'ann')
      const anonymous = await put(store, OLD, testRecord(now(), 'one'))
      const owned = nextOf(anonymous, { handle: 'owned', subject: 'ann' })
      await store.rotate(OLD, 1, to, owned, { tombstone: deadUntil(now() + MINUTE) })
      equal(await store.listBySubject('ann'), [owned], "ann's sessions after the login")
      const out = nextOf(owned, { handle: 'handed over', subject: 'bob' })
      await store.rotate(to, 2, testKey('out', 'bob'), out)
      equal(await store.listBySubject('ann'), [], "ann's sessions after the change of user")
      equal(await store.listBySubject('bob'), [out], "bob's sessions")
      const { subject: _, ...nobody } = nextOf(out, { handle: 'nobody' })
      await store.rotate(testKey('out', 'bob'), 3, testKey('anonymous again', 'bob'), nobody)
      equal(await store.countBySubject('bob'), 0, "bob's sessions after the logout")
      equal(await liveAt(store, testKey('anonymous again', 'bob'), 'the anonymous session'), nobody, 'the last record')
    },
  },
]

export const rotateCases: readonly StoreCase[] = [...outcomeCases, ...raceCases]

/** Two keys cannot be read in one step, so each observer reads them in the order in which an answer proves something. */
async function watchRotation(store: Store, from: StoreKey, to: StoreKey, next: SessionRecord): Promise<void> {
  const state = { isRunning: true }
  const watch = async (look: () => Promise<void>): Promise<void> => {
    for (let looks = 0; state.isRunning || looks === 0; looks++) await look()
  }
  const neverNone = watch(async () => {
    const before = await store.get(from)
    const after = await store.get(to)
    check(before?.state === 'live' || after?.state === 'live', 'the old session was gone before the new one lived')
  })
  const neverTwo = watch(async () => {
    const after = await store.get(to)
    const before = await store.get(from)
    check(!(after?.state === 'live' && before?.state === 'live'), 'the new session lived while the old one still did')
  })
  const rotation = store.rotate(from, next.version - 1, to, next).finally(() => {
    state.isRunning = false
  })
  const [result] = await Promise.all([rotation, neverNone, neverTwo])
  equal(result.outcome, 'rotated', 'rotate')
}
