// Every function of the package that takes an options object, found by its exports: one that is new and not named here fails.
import { DatabaseSync } from 'node:sqlite'
import { Redis } from 'ioredis'
import { createPool } from 'mysql2'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { inProject } from '../scripts/lib/project.ts'
import { subpaths } from '../scripts/lib/exports.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { bed, newClient } from './support/bed.ts'

type Fn = (...args: readonly unknown[]) => unknown

/** How a function is called with an options object. */
interface Call {
  /** What comes before the options. */
  readonly before?: readonly unknown[]
  /** What must be among the options. */
  readonly needed?: Readonly<Record<string, unknown>>
  /** The options that are durations, each in the place where it is given. */
  readonly durations?: readonly ((value: unknown) => Readonly<Record<string, unknown>>)[]
  /** A wrong value for every option that is checked as more than a name. */
  readonly wrong?: Readonly<Record<string, unknown>>
  /** Options inside options, by the name of the outer one. */
  readonly groups?: readonly string[]
  readonly isConstructor?: boolean
  /** Whether it may be called without any argument. */
  readonly standsAlone?: boolean
  /** The result has functions that are given the options. */
  readonly use?: (made: unknown, options: unknown) => unknown
}

/** Functions without an options object, each with what they take instead. */
const WITHOUT_OPTIONS: Readonly<Record<string, string>> = {
  'sojourn#Session': 'made by the engine only; its verbs are below',
  'sojourn#SessionError': 'the options of Error',
  'sojourn#applyOutcome': 'what a session gave',
  'sojourn#hasSubjects': 'a store',
  'sojourn#isClearable': 'a store',
  'sojourn#isClosable': 'a store',
  'sojourn#isDurable': 'a store',
  'sojourn#isScannable': 'a store',
  'sojourn#isSessionError': 'an error',
  'sojourn#isStoreKey': 'a text',
  'sojourn#isSweepable': 'a store',
  'sojourn#isWatchable': 'a store',
  'sojourn#safePath': 'a text',
  'sojourn#partitionOfKey': 'a key',
  'sojourn#partitionOfSubject': 'a name',
  'sojourn/originals/karrigell#customSessions': 'a storage',
  'sojourn/originals/karrigell#fileSessions': 'a path',
  'sojourn/originals/webpy#DBStore': 'a database and a name',
  'sojourn/originals/webpy#DiskStore': 'a path',
  'sojourn/originals/webpy#ShelfStore': 'a shelf',
  'sojourn/originals/webpy#Store': 'abstract',
  'sojourn/originals/webpy#input': 'nothing',
  'sojourn/originals/webpy#loadhook': 'a function',
  'sojourn/originals/webpy#seeother': 'an address',
  'sojourn/originals/webpy#sessionsOf': 'a Session',
  'sojourn/originals/webpy#unloadhook': 'a function',
  'sojourn/testing#countingStore': 'a store',
  'sojourn/testing#interceptStore': 'a store and a function',
  'sojourn/testing#lackingFor': 'a case and its harness',
  'sojourn/testing#seededRandom': 'a number',
  'sojourn/testing#testKey': 'texts',
  'sojourn/testing#testRecord': 'what the record holds',
}

const { sessions } = bed()
const mysqlPool = createPool({})
const pgPool = new pg.Pool()
const redis = new Redis({ lazyConnect: true, enableOfflineQueue: false, retryStrategy: () => null })
const database = new DatabaseSync(':memory:')
const inTimeouts =
  (name: string) =>
  (value: unknown): Readonly<Record<string, unknown>> => ({ timeouts: { [name]: value } })

afterAll(async () => {
  database.close()
  redis.disconnect()
  await Promise.all([pgPool.end(), new Promise((resolve) => mysqlPool.end(resolve))])
})

const PROXY = { trustProxy: 'yes', proxyHeader: 'x-real-ip' }
const FALLBACK = { carriesSubjects: 'no', marker: 'a b', testCookie: '', now: 0 }
const TIMES = {
  durations: [
    ...['idle', 'absolute', 'anonymous', 'touchEvery'].map(inTimeouts),
    (storeTimeout: unknown) => ({ storeTimeout }),
    (sweepEvery: unknown) => ({ sweepEvery }),
  ],
}
const ROTATION = ['every', 'grace'].map((name) => (value: unknown) => ({ rotation: { [name]: value } }))
const ENGINE = {
  groups: ['timeouts', 'rotation', 'limits', 'perSubject', 'refusal', 'cookie'],
  durations: [...TIMES.durations, ...ROTATION],
  wrong: {
    namespace: ' ',
    initial: {},
    schema: 'x',
    now: 1,
    onStoreError: 'ignore',
    secrets: 'x',
    bind: 'ip',
    codec: 'xml',
  },
}

const CALLS: Readonly<Record<string, Call>> = {
  'sojourn#createSessions': { needed: { store: memoryStore() }, ...ENGINE },
  'sojourn#cookieCarrier': {
    wrong: { persistent: 1, sameSite: 'no', now: 1, priority: 'top', name: 'a b', path: 'x' },
  },
  'sojourn#jsonCodec': { needed: { depth: 1, keys: 1 }, wrong: { depth: 0, keys: 'many' } },
  'sojourn#strictCodec': { needed: { depth: 1, keys: 1 }, wrong: { depth: 1001, keys: -1 } },
  'sojourn/node#nodeSessions': { before: [sessions], wrong: { ...PROXY, body: {}, onError: 'x' } },
  'sojourn/express#expressSessions': { before: [sessions] },
  'sojourn/koa#koaSessions': { before: [sessions] },
  'sojourn/fastify#fastifySessions': { before: [sessions], wrong: { form: 'yes' } },
  'sojourn/h3#h3Sessions': { before: [sessions], wrong: { form: 1 } },
  'sojourn/hono#honoSessions': { before: [sessions], wrong: { ...PROXY, form: 1, clientAddress: '::1' } },
  'sojourn/fetch#fetchSessions': { before: [sessions], wrong: { ...PROXY, form: 1, clientAddress: '::1', onError: 1 } },
  'sojourn/websocket#websocketSessions': {
    before: [sessions],
    durations: [(checkEvery) => ({ checkEvery })],
    wrong: { ...PROXY, clientAddress: '::1', timer: 5, origins: 'https://a.example' },
  },
  'sojourn/originals/karrigell#createKarrigell': {
    groups: ['timeouts', 'rotation', 'limits', 'perSubject', 'refusal', 'cookie'],
    durations: ENGINE.durations,
    wrong: { ...PROXY, storage: {}, application: ' ', now: 1, clientAddress: '::1' },
  },
  'sojourn/originals/karrigell#memorySessions': { wrong: { maxSessions: 0, allowInProduction: 'yes' } },
  'sojourn/originals/karrigell#sqliteSessions': {
    standsAlone: true,
    before: [':memory:'],
    wrong: { maxSessions: '100' },
  },
  'sojourn/originals/pyhp#createPyhp': {
    standsAlone: true,
    needed: { store: memoryStore() },
    ...ENGINE,
    wrong: { ...ENGINE.wrong, ...PROXY, clientAddress: '::1' },
  },
  'sojourn/originals/webstack#createWebStack': {
    standsAlone: true,
    needed: { store: memoryStore() },
    ...ENGINE,
    wrong: { ...ENGINE.wrong, ...PROXY, clientAddress: '::1' },
  },
  'sojourn/originals/webpy#Session': {
    isConstructor: true,
    before: [undefined, { open: () => memoryStore() }, {}],
    groups: ['timeouts', 'limits', 'perSubject'],
    ...TIMES,
    wrong: { persistent: 'yes', now: 1, onStoreError: 'ignore' },
  },
  'sojourn/originals/webpy#MemoryStore': { isConstructor: true },
  'sojourn/originals/webpy#application': { before: [{}], wrong: { ...PROXY, clientAddress: '::1' } },
  'sojourn/stores/memory#memoryStore': { wrong: { maxEntries: 0, evict: 'newest', allowInProduction: 1, now: 1 } },
  'sojourn/stores/file#fileStore': {
    needed: { directory: inProject('.cache/none') },
    wrong: { directory: '', now: 1 },
  },
  'sojourn/stores/layered#layeredStore': {
    needed: { store: memoryStore() },
    durations: [(maxAge) => ({ maxAge })],
    wrong: { store: {}, maxEntries: 0.5, now: 1 },
  },
  'sojourn/stores/sqlite#sqliteStore': {
    needed: { database },
    durations: [(busyTimeout) => ({ busyTimeout })],
    wrong: { database: {}, table: 'a b', now: 1, path: '' },
  },
  'sojourn/stores/mysql#mysqlStore': {
    needed: { client: mysqlPool },
    durations: [(watchInterval) => ({ watchInterval })],
    wrong: { client: {}, table: 'a b', database: '', now: 1, onWarning: true },
  },
  'sojourn/stores/mysql#mysqlSchema': { wrong: { table: 'a b', database: '' } },
  'sojourn/stores/postgres#postgresStore': {
    needed: { client: pgPool },
    durations: [(pollEvery) => ({ pollEvery }), (statementTimeout) => ({ statementTimeout })],
    wrong: { client: {}, table: 'a b', schema: '', partitions: -1, prepare: 1, watch: 'no', replication: 'no', now: 1 },
  },
  'sojourn/stores/postgres#postgresSchema': { wrong: { table: 'a b', schema: '', partitions: 1.5 } },
  'sojourn/stores/redis#redisStore': {
    needed: { client: redis },
    groups: ['replicas'],
    durations: [(timeout) => ({ replicas: { count: 1, timeout } })],
    wrong: { client: {}, prefix: '', replicas: 1, persistence: 'no', onWarning: 1, now: 1 },
  },
  'sojourn/carriers/header#headerCarrier': { wrong: { name: 'a b', responseHeader: 'cookie', when: true } },
  'sojourn/carriers/url#urlCarrier': { wrong: { ...FALLBACK, parameter: 'a b', suffix: 'sid' } },
  'sojourn/carriers/form#formCarrier': { wrong: { ...FALLBACK, field: '' } },
  'sojourn/csrf#csrf': { wrong: { field: '', header: 'a b', origins: ['example.com'] } },
  'sojourn/testing#faultStore': { standsAlone: true, before: [memoryStore()], needed: { rules: [] } },
  'sojourn/testing#pausableStore': {
    standsAlone: true,
    before: [memoryStore()],
    use: (made, options) => Reflect.apply(Reflect.get(Object(made), 'hold') as Fn, undefined, [options]),
  },
  'sojourn/testing#seedSession': { standsAlone: true, before: [sessions] },
}

/** Of every public name the functions: what it exports and what is called. */
async function exportedFunctions(): Promise<ReadonlyMap<string, Fn>> {
  const found = await Promise.all(
    subpaths.map(async ({ specifier, file }) => {
      const exported = (await import(inProject('src', `${file}.ts`))) as Readonly<Record<string, unknown>>
      return Object.entries(exported)
        .filter((entry): entry is [string, Fn] => typeof entry[1] === 'function')
        .map(([name, value]) => [`${specifier}#${name}`, value] as const)
    }),
  )
  return new Map(found.flat())
}

const functions = await exportedFunctions()

async function complaint(id: string, options: unknown): Promise<string> {
  const { before = [], use, isConstructor } = CALLS[id] ?? {}
  const fn = functions.get(id) as Fn
  const args = use === undefined ? [...before, options] : before
  try {
    // What a constructor makes is no promise, even where it answers to every name.
    const made: unknown = isConstructor ? Reflect.construct(fn, args) : await Reflect.apply(fn, undefined, args)
    use?.(made, options)
    return 'nothing'
  } catch (error) {
    return error instanceof TypeError ? error.message : `no TypeError: ${String(error)}`
  }
}

function optionsWith(id: string, options: object): object {
  return { ...CALLS[id]?.needed, ...options }
}

const nameOf = (id: string): string => id.slice(id.indexOf('#') + 1)

it('every exported function is known: with its options object, or without one', () => {
  expect([...functions.keys()].toSorted()).toEqual([...Object.keys(CALLS), ...Object.keys(WITHOUT_OPTIONS)].toSorted())
})

const withArgument = Object.entries(CALLS).filter(
  ([, { needed, before, standsAlone }]) => (needed !== undefined || before !== undefined) && standsAlone !== true,
)
const withDurations = Object.entries(CALLS).flatMap(([id, { durations }]) =>
  durations === undefined ? [] : [[id, durations] as const],
)
const withValues = Object.entries(CALLS).flatMap(([id, { wrong }]) =>
  wrong === undefined ? [] : [[id, wrong] as const],
)

describe('an exported function with options', () => {
  it.each(Object.keys(CALLS))(
    '%s refuses one that there is not, with its own name and those that there are (3.2)',
    async (id) => {
      const own = id.endsWith('#pausableStore') ? 'hold' : nameOf(id)
      const message = await complaint(id, optionsWith(id, { nosuch: 1 }))
      expect(message).toMatch(
        new RegExp(`^${own}: (?:"nosuch" is no option; there are \\w|it takes no options; .*proxy)`),
      )
      for (const given of ['x', 7, null, () => ({}), []]) {
        expect(await complaint(id, given), JSON.stringify(given)).toMatch(
          new RegExp(`^${own}: (?:expected an obj|it takes)`),
        )
      }
      for (const group of CALLS[id]?.groups ?? []) {
        const inner = await complaint(id, optionsWith(id, { [group]: { nosuch: 1 } }))
        expect(inner, group).toMatch(/"nosuch" is no option; there are \w/)
      }
    },
  )

  it.each(withArgument)('%s says what it wants when it is called without', async (id, { isConstructor }) => {
    const fn = functions.get(id) as Fn
    const call = async (): Promise<unknown> =>
      isConstructor ? Reflect.construct(fn, []) : Reflect.apply(fn, undefined, [])
    await expect(call()).rejects.toThrow(TypeError)
    await expect(call()).rejects.toThrow(/expected|give either/)
  })

  it.each(withDurations)('%s has the one grammar of durations, with the same words (3.2)', async (id, durations) => {
    for (const option of durations) {
      for (const value of ['1 m', '60', 60, '1w', '1h30m', '-1s', '']) {
        const message = await complaint(id, optionsWith(id, option(value)))
        expect(message, JSON.stringify(option(value))).toMatch(
          /: expected a duration with a unit.*, such as '15m', '12h' or '30d'$/,
        )
      }
    }
  })

  it.each(withValues)('%s refuses values of a wrong kind, and names the option', async (id, wrong) => {
    for (const [option, value] of Object.entries(wrong)) {
      const message = await complaint(id, optionsWith(id, { [option]: value }))
      expect(message, option).not.toMatch(/^nothing|^no TypeError|Cannot read|is not a function/)
      expect(message, option).toContain(option)
    }
  })
})

it('durations that differed from store to store mean the same everywhere (3.2)', async () => {
  for (const id of [
    'sqlite#sqliteStore',
    'mysql#mysqlStore',
    'postgres#postgresStore',
    'redis#redisStore',
    'layered#layeredStore',
  ]) {
    const full = `sojourn/stores/${id}`
    for (const value of ['250ms', '1.5s', '1m', '0.5h', '1d']) {
      for (const option of CALLS[full]?.durations ?? []) {
        expect(await complaint(full, optionsWith(full, option(value))), `${id} ${value}`).toBe('nothing')
      }
    }
  }
})

describe('the verbs of a session', () => {
  const verbs: Readonly<Record<string, { readonly before?: readonly unknown[]; readonly duration?: string }>> = {
    start: { duration: 'idle' },
    destroy: {},
    rotate: { duration: 'grace' },
    login: { before: ['ann'], duration: 'absolute' },
    elevate: {},
    logout: {},
    requireFresh: { duration: 'within' },
  }

  it('refuse an option that there is not, and a wrong duration, and have done nothing then (3.2)', async () => {
    const { visit, signedIn, store } = bed()
    const ann = await signedIn('ann')
    for (const [verb, { before = [], duration }] of Object.entries(verbs)) {
      await visit(ann, async (session) => {
        const call = async (options: unknown): Promise<unknown> =>
          Reflect.apply(Reflect.get(session, verb) as Fn, session, [...before, options])
        const refused = new RegExp(`^${verb}: "nosuch" is no option; there are \\w`)
        await expect(call({ nosuch: 1 }), verb).rejects.toThrow(refused)
        await expect(call(null), verb).rejects.toThrow(TypeError)
        if (duration === undefined) return
        await expect(call({ [duration]: 'soon' }), verb).rejects.toThrow(
          new RegExp(`^${verb}: ${duration}: expected a duration with a unit`),
        )
      })
      expect(await visit(ann, (session) => session.subject), verb).toBe('ann')
    }
    expect(await visit(newClient(), (session) => session.isStarted)).toBe(false)
    expect(store.name).toBe('memory')
  })
})
