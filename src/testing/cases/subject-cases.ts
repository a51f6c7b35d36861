import type { SessionRecord, Store, SubjectStore } from '../../core/store.ts'
import { check, equal } from './assert.ts'
import { deadUntil, HOUR, MINUTE, nextOf, put, range, testKey, testRecord, withSubjects } from './fixtures.ts'
import type { StoreCase, StoreHarness } from './harness.ts'

type Harness = StoreHarness & { readonly store: Store & SubjectStore }

/** All of these need the same capability. */
function withSubjectCase(name: string, run: (harness: Harness) => Promise<void>): StoreCase {
  return { name, needs: ['subjects'], run: (harness) => run({ ...harness, store: withSubjects(harness.store) }) }
}

const listCases: readonly StoreCase[] = [
  withSubjectCase("ASVS5-7.5.2: a subject's records are listed whole, oldest first, and counted", async (harness) => {
    const { store } = harness
    const third = await addSession(harness, 'ann', 'third', 30)
    const first = await addSession(harness, 'ann', 'first', 10)
    await addSession(harness, 'bob', 'foreign', 5)
    await put(store, testKey('anonymous'), testRecord(harness.now(), 'anonymous'))
    const second = await addSession(harness, 'ann', 'second', 20)
    equal(await store.listBySubject('ann'), [first, second, third], "ann's sessions")
    equal(await store.countBySubject('ann'), 3, "the number of ann's sessions")
    equal(await store.listBySubject('nobody'), [], 'the sessions of an unknown subject')
    equal(await store.countBySubject('nobody'), 0, 'the number of them')
  }),
  withSubjectCase(
    'subjects are opaque: case, quotes, wildcards and line ends make different subjects',
    async (harness) => {
      const subjects = [
        'ann',
        'Ann',
        'ann ',
        "ann'--",
        'ann%',
        'a_n',
        'ann"\n',
        'ann\0',
        'ann\0b',
        '\u{1F98A}',
        'x'.repeat(200),
      ]
      for (const [n, subject] of subjects.entries()) await addSession(harness, subject, `of-${n}`, n)
      for (const [n, subject] of subjects.entries()) {
        const handles = (await harness.store.listBySubject(subject)).map(({ handle }) => handle)
        equal(handles, [`handle-of-${n}`], `the sessions of subject ${n}`)
      }
    },
  ),
  withSubjectCase('RACE-14: the list never shows what expired, ended, was rotated away or marked', async (harness) => {
    const { store, now, advance } = harness
    const kept = await addSession(harness, 'ann', 'kept', 1)
    await addSession(harness, 'ann', 'deleted', 2)
    await addSession(harness, 'ann', 'marked', 3)
    const rotated = await addSession(harness, 'ann', 'rotated', 4)
    await addSession(harness, 'ann', 'short', 5, { expiresAt: now() + MINUTE })
    await store.delete(testKey('deleted', 'ann'))
    await store.delete(testKey('marked', 'ann'), deadUntil(now() + HOUR))
    const next = nextOf(rotated, { data: '"next"' })
    await store.rotate(testKey('rotated', 'ann'), 1, testKey('next', 'ann'), next, {
      tombstone: { state: 'moved', to: testKey('next', 'ann'), expiresAt: now() + HOUR },
    })
    await advance(MINUTE)
    equal(await store.listBySubject('ann'), [kept, next], "ann's sessions")
    equal(await store.countBySubject('ann'), 2, "the number of ann's sessions")
  }),
  withSubjectCase('the list shows what updates and touches changed', async (harness) => {
    const { store, now } = harness
    const record = await addSession(harness, 'ann', 'one', 1)
    const next = nextOf(record, { data: '"next"', meta: '"next"' })
    await store.update(testKey('one', 'ann'), 1, next)
    await store.touch(testKey('one', 'ann'), now() + 9, next.expiresAt + 9)
    const touched = { ...next, seenAt: now() + 9, expiresAt: next.expiresAt + 9 }
    equal(await store.listBySubject('ann'), [touched], "ann's sessions")
  }),
  withSubjectCase('changing a listed record changes nothing stored', async (harness) => {
    const record = await addSession(harness, 'ann', 'one', 1)
    const [listed] = await harness.store.listBySubject('ann')
    check(listed !== undefined, 'the session must be listed')
    if (!Object.isFrozen(listed)) Object.assign(listed, { data: 'spoilt', version: 99 })
    equal(await harness.store.listBySubject('ann'), [record], 'the list read again')
  }),
]

const endCases: readonly StoreCase[] = [
  withSubjectCase('ASVS5-7.5.2: one session of a subject is ended by its handle', async (harness) => {
    const { store } = harness
    const kept = await addSession(harness, 'ann', 'kept', 1)
    await addSession(harness, 'ann', 'ended', 2)
    equal(await store.deleteByHandle('ann', 'handle-ended'), true, 'the first time')
    equal(await store.get(testKey('ended', 'ann')), undefined, 'the ended session')
    equal(await store.deleteByHandle('ann', 'handle-ended'), false, 'the second time')
    equal(await store.listBySubject('ann'), [kept], "ann's sessions")
  }),
  withSubjectCase(
    "ASVS5-7.5.2: another user's handle ends nothing, nor does one of an expired session",
    async (harness) => {
      const { store, now, advance } = harness
      const record = await addSession(harness, 'ann', 'one', 1)
      await addSession(harness, 'bob', 'short', 2, { expiresAt: now() + MINUTE })
      await put(store, testKey('anonymous'), testRecord(now(), 'anonymous'))
      await advance(MINUTE)
      for (const handle of ['handle-one', 'handle-anonymous', 'handle-short', 'unknown', '']) {
        equal(await store.deleteByHandle('bob', handle), false, `bob ends "${handle}"`)
      }
      equal(await store.get(testKey('one', 'ann')), record, "ann's session")
      equal((await store.get(testKey('anonymous')))?.state, 'live', 'the anonymous session')
    },
  ),
  withSubjectCase('ASVS5-7.4.2: what is no handle, such as a missing form field, ends nothing', async (harness) => {
    const { store } = harness
    const kept = [await addSession(harness, 'ann', 'one', 1), await addSession(harness, 'ann', 'two', 2)]
    for (const handle of [undefined, null, '', {}, [], 7, true, 'x'.repeat(300)]) {
      // It may be refused with an error, too.
      const ended = await endBy(store, handle).catch(() => false)
      equal(ended, false, `ending by ${JSON.stringify(handle) ?? 'nothing'}`)
      equal(await store.listBySubject('ann'), kept, "ann's sessions afterwards")
    }
  }),
  withSubjectCase('ASVS5-7.4.2: all sessions of a subject end at once, and nobody else is touched', async (harness) => {
    const { store, now } = harness
    for (const n of range(100)) await addSession(harness, 'ann', `a-${n}`, n)
    const foreign = await addSession(harness, 'bob', 'foreign', 1)
    const anonymous = await put(store, testKey('anonymous'), testRecord(now(), 'anonymous'))
    equal(await store.deleteBySubject('ann'), 100, 'the number of ended sessions')
    for (const n of range(100)) equal(await store.get(testKey(`a-${n}`, 'ann')), undefined, `session ${n}`)
    equal(await store.listBySubject('ann'), [], "ann's sessions")
    equal(await store.deleteBySubject('ann'), 0, 'ending them again')
    equal(await store.get(testKey('foreign', 'bob')), foreign, "bob's session")
    equal(await store.get(testKey('anonymous')), anonymous, 'the anonymous session')
  }),
  withSubjectCase('ASVS5-7.4.3: all sessions of a subject end but the one that is excepted', async (harness) => {
    const { store, now, advance } = harness
    for (const n of range(5)) await addSession(harness, 'ann', `a-${n}`, n)
    await addSession(harness, 'ann', 'short', 9, { expiresAt: now() + MINUTE })
    await advance(MINUTE)
    equal(await store.deleteBySubject('ann', 'handle-a-3'), 4, 'the number of ended sessions, live ones only')
    const handles = (await store.listBySubject('ann')).map(({ handle }) => handle)
    equal(handles, ['handle-a-3'], "ann's sessions")
    equal(await store.deleteBySubject('ann', 'handle-of-nobody'), 1, 'with an exception that is not there')
  }),
  withSubjectCase(
    'RACE-2: a save, touch or rotation after its session was ended brings nothing back',
    async (harness) => {
      const { store, now } = harness
      for (const end of [() => store.deleteByHandle('ann', 'handle-one'), () => store.deleteBySubject('ann')]) {
        const record = await addSession(harness, 'ann', 'one', 1)
        await end()
        const key = testKey('one', 'ann')
        equal((await store.update(key, 1, nextOf(record))).outcome, 'gone', 'update')
        equal(await store.touch(key, now() + 1, now() + 2 * HOUR), false, 'touch')
        equal((await store.rotate(key, 1, testKey('to', 'ann'), nextOf(record))).outcome, 'gone', 'rotate')
        equal(await store.countBySubject('ann'), 0, "ann's sessions")
      }
    },
  ),
  withSubjectCase('RACE-10: sessions that begin while all are ended are either ended or listed', async (harness) => {
    const { store, now } = harness
    const keys = range(30).map((n) => testKey(`a-${n}`, 'ann'))
    const begin = (n: number): Promise<unknown> =>
      store.insert(testKey(`a-${n}`, 'ann'), testRecord(now(), `a-${n}`, { subject: 'ann', createdAt: now() + n }))
    const calls = keys.map((_, n) => () => begin(n))
    const mixed = calls.flatMap((call, n) => (n % 10 === 5 ? [() => store.deleteBySubject('ann'), call] : [call]))
    await Promise.all(mixed.map(async (call) => await call()))
    const listed = (await store.listBySubject('ann')).map(({ handle }) => handle)
    const found = await Promise.all(keys.map((key) => store.get(key)))
    const live = found.flatMap((entry) => (entry?.state === 'live' ? [entry.handle] : []))
    equal(listed, live, 'the list against the records')
    equal(await store.deleteBySubject('ann'), live.length, 'the last ending')
  }),
]

export const subjectCases: readonly StoreCase[] = [...listCases, ...endCases]

/** As code that no compiler has looked at may call it. */
async function endBy(store: SubjectStore, handle: unknown): Promise<unknown> {
  const call: (subject: string, handle: never) => Promise<unknown> = (subject, given) =>
    store.deleteByHandle(subject, given)
  const ended: unknown = await Reflect.apply(call, undefined, ['ann', handle])
  return ended
}

async function addSession(
  { store, now }: StoreHarness,
  subject: string,
  label: string,
  age: number,
  changes?: Partial<SessionRecord>,
): Promise<SessionRecord> {
  const record = testRecord(now(), label, { subject, createdAt: now() - HOUR + age, ...changes })
  return await put(store, testKey(label, subject), record)
}
