import type { InsertResult, RotateResult, SessionRecord, Store, SubjectCap, SubjectStore } from '../../core/store.ts'
import { equal } from './assert.ts'
import { deadUntil, HOUR, MINUTE, nextOf, put, range, testKey, testRecord, withSubjects } from './fixtures.ts'
import type { StoreCase, StoreHarness } from './harness.ts'

type Harness = StoreHarness & { readonly store: Store & SubjectStore }
type Policy = SubjectCap['onLimit']

const policies: readonly Policy[] = ['evict-oldest', 'reject']

function withSubjectCase(name: string, run: (harness: Harness) => Promise<void>): StoreCase {
  return { name, needs: ['subjects'], run: (harness) => run({ ...harness, store: withSubjects(harness.store) }) }
}

const sequentialCases: readonly StoreCase[] = [
  withSubjectCase('ASVS5-7.1.2: at the limit the oldest session is ended and named', async (harness) => {
    for (const [label, age] of [
      ['b', 2],
      ['a', 1],
      ['c', 3],
    ] as const)
      equal(await addCapped(harness, label, age, evict(3)), [], label)
    equal(await addCapped(harness, 'd', 4, evict(3)), ['handle-a'], 'the handles that the fourth session evicted')
    equal(await harness.store.get(testKey('a', 'ann')), undefined, 'the evicted session')
    equal(await handlesOf(harness), ['handle-b', 'handle-c', 'handle-d'], "ann's sessions")
  }),
  withSubjectCase(
    'ASVS5-7.1.2: at the limit a new session is refused where the policy says so, and nothing changes',
    async (harness) => {
      for (const n of range(3)) await addCapped(harness, `${n}`, n, reject(3))
      equal(await insertCapped(harness, 'late', 9, reject(3)), { outcome: 'limit' }, 'the fourth session')
      equal(await harness.store.get(testKey('late', 'ann')), undefined, 'the key of the refused session')
      equal(await handlesOf(harness), ['handle-0', 'handle-1', 'handle-2'], "ann's sessions")
    },
  ),
  withSubjectCase('a limit that was lowered ends as many of the oldest sessions as it takes', async (harness) => {
    for (const n of range(5)) await addCapped(harness, `${n}`, n, evict(9))
    const evicted = await addCapped(harness, 'new', 9, evict(2))
    equal(
      evicted.toSorted(),
      range(4).map((n) => `handle-${n}`),
      'the evicted sessions',
    )
    equal(await handlesOf(harness), ['handle-4', 'handle-new'], "ann's sessions")
  }),
  withSubjectCase('the limit counts live sessions of the same subject only', async (harness) => {
    const { store, now, advance } = harness
    await addCapped(harness, 'short', 1, reject(2), { expiresAt: now() + MINUTE })
    await addCapped(harness, 'ended', 2, reject(2))
    await store.delete(testKey('ended', 'ann'), deadUntil(now() + HOUR))
    await put(store, testKey('foreign', 'bob'), testRecord(now(), 'foreign', { subject: 'bob' }))
    await put(store, testKey('anonymous'), testRecord(now(), 'anonymous'))
    await advance(MINUTE)
    equal(await addCapped(harness, 'one', 3, reject(2)), [], 'the first')
    equal(await addCapped(harness, 'two', 4, evict(2)), [], 'the second')
    equal(await store.countBySubject('bob'), 1, "bob's sessions")
    equal((await store.get(testKey('anonymous')))?.state, 'live', 'the anonymous session')
  }),
  withSubjectCase('an insert on a live key evicts nobody', async (harness) => {
    await addCapped(harness, 'a', 1, evict(1))
    equal(await insertCapped(harness, 'a', 2, evict(1)), { outcome: 'exists' }, 'the insert')
    equal(await handlesOf(harness), ['handle-a'], "ann's sessions")
  }),
  withSubjectCase('a rotation does not count the record that it replaces', async (harness) => {
    for (const n of range(3)) await addCapped(harness, `${n}`, n, reject(3))
    for (const [n, onLimit] of policies.entries()) {
      const result = await rotateTo(harness, n, `next-${n}`, { max: 3, onLimit })
      equal(result, { outcome: 'rotated', evicted: [] }, `a rotation at the limit, ${onLimit}`)
    }
    equal(await harness.store.countBySubject('ann'), 3, "the number of ann's sessions")
  }),
  withSubjectCase(
    'a login at the limit evicts the oldest session, or is refused and changes nothing',
    async (harness) => {
      const { store } = harness
      for (const n of range(2)) await addCapped(harness, `${n}`, n, reject(2))
      const anonymous = await put(store, testKey('visitor'), testRecord(harness.now(), 'visitor'))
      const refused = await login(harness, 'visitor', anonymous, reject(2))
      equal(refused, { outcome: 'limit' }, 'the login that the limit refuses')
      equal(await store.get(testKey('visitor')), anonymous, 'the session before the login')
      equal(await store.get(testKey('in-visitor', 'ann')), undefined, 'the key of the refused login')
      const result = await login(harness, 'visitor', anonymous, evict(2))
      equal(result, { outcome: 'rotated', evicted: ['handle-0'] }, 'the login that evicts')
      equal(await handlesOf(harness), ['handle-1', 'handle-in-visitor'], "ann's sessions")
    },
  ),
  withSubjectCase('a rotation that is gone, late or finds its new key taken evicts nobody', async (harness) => {
    const { store } = harness
    for (const n of range(2)) await addCapped(harness, `${n}`, n, evict(2))
    const visitor = await put(store, testKey('visitor'), testRecord(harness.now(), 'visitor', { version: 3 }))
    const next = nextOf(visitor, { subject: 'ann' })
    const options = { cap: evict(1) }
    const to = testKey('to', 'ann')
    equal((await store.rotate(testKey('nothing'), 3, to, next, options)).outcome, 'gone', 'of nothing')
    equal((await store.rotate(testKey('visitor'), 2, to, next, options)).outcome, 'conflict', 'at another version')
    const taken = testKey('0', 'ann')
    equal((await store.rotate(testKey('visitor'), 3, taken, next, options)).outcome, 'exists', 'onto a live key')
    equal(await handlesOf(harness), ['handle-0', 'handle-1'], "ann's sessions")
  }),
]

const concurrentCases: readonly StoreCase[] = policies.flatMap((onLimit) => [
  withSubjectCase(
    `ASVS5-7.1.2 DOS-5: of 50 concurrent inserts with a limit of 3 exactly 3 are live at the end (${onLimit})`,
    async (harness) => {
      const calls = range(50).map((n) => insertCapped(harness, `n-${n}`, n, { max: 3, onLimit }))
      await checkCapped(harness, onLimit, await Promise.all(calls), 'inserted')
    },
  ),
  withSubjectCase(
    `ASVS5-7.1.2 DOS-5: of 50 concurrent logins with a limit of 3 exactly 3 are live at the end (${onLimit})`,
    async (harness) => {
      const visitors = range(50).map((n) => `v-${n}`)
      const records = await Promise.all(
        visitors.map((label) => put(harness.store, testKey(label), testRecord(harness.now(), label))),
      )
      const calls = records.map((record, n) => login(harness, `v-${n}`, record, { max: 3, onLimit }))
      await checkCapped(harness, onLimit, await Promise.all(calls), 'rotated')
      const left = await Promise.all(visitors.map((label) => harness.store.get(testKey(label))))
      const anonymous = left.filter((entry) => entry?.state === 'live').length
      equal(anonymous, onLimit === 'reject' ? 47 : 0, 'visitors whose login was refused and who keep their session')
    },
  ),
])

export const capCases: readonly StoreCase[] = [...sequentialCases, ...concurrentCases]

/** Every session is live, or evicted and named exactly once, or was refused. */
async function checkCapped(
  harness: Harness,
  onLimit: Policy,
  results: readonly (InsertResult | RotateResult)[],
  success: string,
): Promise<void> {
  const handles = await handlesOf(harness)
  equal(handles.length, 3, "the number of ann's sessions")
  const successes = results.filter(({ outcome }) => outcome === success).length
  const refusals = results.filter(({ outcome }) => outcome === 'limit').length
  equal(
    { successes, refusals },
    onLimit === 'reject' ? { successes: 3, refusals: 47 } : { successes: 50, refusals: 0 },
    'answers',
  )
  const evicted = results.flatMap((result) => ('evicted' in result ? result.evicted : []))
  equal(new Set([...evicted, ...handles]).size, successes, 'sessions that are live or were named as evicted')
  equal(evicted.length, successes - 3, 'evictions')
}

function evict(max: number): SubjectCap {
  return { max, onLimit: 'evict-oldest' }
}

function reject(max: number): SubjectCap {
  return { max, onLimit: 'reject' }
}

async function handlesOf({ store }: Harness): Promise<readonly string[]> {
  return (await store.listBySubject('ann')).map(({ handle }) => handle)
}

function insertCapped(
  { store, now }: Harness,
  label: string,
  age: number,
  cap: SubjectCap,
  changes?: Partial<SessionRecord>,
): Promise<InsertResult> {
  const record = testRecord(now(), label, { subject: 'ann', createdAt: now() - HOUR + age, ...changes })
  return store.insert(testKey(label, 'ann'), record, cap)
}

async function addCapped(...[harness, label, ...rest]: Parameters<typeof insertCapped>): Promise<readonly string[]> {
  const result = await insertCapped(harness, label, ...rest)
  equal(result.outcome, 'inserted', `insert of ${label}`)
  return result.outcome === 'inserted' ? result.evicted : []
}

async function rotateTo({ store, now }: Harness, n: number, label: string, cap: SubjectCap): Promise<RotateResult> {
  const record = testRecord(now(), label, { subject: 'ann', createdAt: now() - HOUR + n, version: 2 })
  return await store.rotate(testKey(`${n}`, 'ann'), 1, testKey(label, 'ann'), record, { cap })
}

function login(harness: Harness, label: string, record: SessionRecord, cap: SubjectCap): Promise<RotateResult> {
  const next = nextOf(record, { subject: 'ann', handle: `handle-in-${label}` })
  return harness.store.rotate(testKey(label), record.version, testKey(`in-${label}`, 'ann'), next, { cap })
}
