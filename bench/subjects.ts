import type { StoreName } from './servers/serve.ts'

export type Framework = 'express' | 'fastify' | 'koa' | 'hono' | 'h3' | 'adonis'

/** One server of the benchmark. */
export interface Subject {
  /** What `--only` matches, and the key of its results. */
  readonly name: string
  readonly label: string
  readonly framework: Framework
  readonly kind: 'bare' | 'sojourn' | 'peer'
  readonly store: StoreName
  /** Its file in `servers`. */
  readonly file: string
  /** The packages that an application adds for it to its framework. */
  readonly packages: readonly string[]
  /** Whether `--quick` runs it without being told which. */
  readonly isQuick: boolean
}

const FRAMEWORKS: Readonly<Record<Framework, string>> = {
  express: 'Express 5',
  fastify: 'Fastify 5',
  koa: 'Koa 3',
  hono: 'Hono 4',
  h3: 'h3 2',
  adonis: 'AdonisJS 7',
}

const STORES: Readonly<Partial<Record<StoreName, readonly [label: string, ...packages: string[]]>>> = {
  memory: ['memory'],
  file: ['files'],
  sqlite: ['SQLite'],
  redis: ['Redis', 'redis'],
  postgres: ['PostgreSQL', 'pg'],
  mysql: ['MariaDB', 'mysql2'],
}

function bare(framework: Framework, { isQuick = true } = {}): Subject {
  const label = `${FRAMEWORKS[framework]}, bare`
  const file = `bare-${framework}`
  return { name: file, label, framework, kind: 'bare', store: 'none', file, packages: [], isQuick }
}

function sojourn(framework: Framework, store: StoreName, { isQuick = true } = {}): Subject {
  const [storeLabel = store, ...clients] = STORES[store] ?? []
  return {
    name: `sojourn-${framework}-${store}`,
    label: `Sojourn, ${storeLabel}`,
    framework,
    kind: 'sojourn',
    store,
    file: `sojourn-${framework}`,
    packages: ['sojourn', ...clients],
    isQuick,
  }
}

interface Peer {
  readonly framework: Framework
  readonly label: string
  readonly store: StoreName
  readonly file: string
  readonly packages: readonly string[]
  readonly isQuick?: boolean
}

function peer({ isQuick = true, ...rest }: Peer): Subject {
  return { name: `${rest.file}-${rest.store}`, kind: 'peer', isQuick, ...rest }
}

function expressSession(store: StoreName, label: string, packages: readonly string[], isQuick = true): Subject {
  const file = 'express-session'
  return peer({ framework: 'express', label, store, file, packages: ['express-session', ...packages], isQuick })
}

/** Everything that is measured. */
export const subjects: readonly Subject[] = [
  bare('express'),
  sojourn('express', 'memory'),
  expressSession('memory', 'express-session, memory', []),
  expressSession('memorystore', 'express-session, memorystore', ['memorystore'], false),
  sojourn('express', 'file', { isQuick: false }),
  expressSession('file', 'express-session, session-file-store', ['session-file-store'], false),
  sojourn('express', 'sqlite'),
  expressSession('sqlite', 'express-session, better-sqlite3-session-store', [
    'better-sqlite3-session-store',
    'better-sqlite3',
  ]),
  sojourn('express', 'redis'),
  expressSession('redis', 'express-session, connect-redis', ['connect-redis', 'redis']),
  sojourn('express', 'postgres'),
  expressSession('postgres', 'express-session, connect-pg-simple', ['connect-pg-simple', 'pg']),
  sojourn('express', 'mysql', { isQuick: false }),
  expressSession('mysql', 'express-session, express-mysql-session', ['express-mysql-session'], false),
  peer({
    framework: 'express',
    label: 'cookie-session',
    store: 'cookie',
    file: 'cookie-session',
    packages: ['cookie-session'],
  }),
  peer({
    framework: 'express',
    label: 'iron-session',
    store: 'cookie',
    file: 'iron-session',
    packages: ['iron-session'],
    isQuick: false,
  }),
  bare('fastify'),
  sojourn('fastify', 'memory'),
  peer({
    framework: 'fastify',
    label: '@fastify/session, memory',
    store: 'memory',
    file: 'fastify-session',
    packages: ['@fastify/session', '@fastify/cookie'],
  }),
  peer({
    framework: 'fastify',
    label: '@fastify/session, connect-redis',
    store: 'redis',
    file: 'fastify-session',
    packages: ['@fastify/session', '@fastify/cookie', 'connect-redis', 'redis'],
    isQuick: false,
  }),
  peer({
    framework: 'fastify',
    label: '@fastify/secure-session',
    store: 'cookie',
    file: 'fastify-secure-session',
    packages: ['@fastify/secure-session'],
    isQuick: false,
  }),
  bare('koa'),
  sojourn('koa', 'memory'),
  peer({
    framework: 'koa',
    label: 'koa-session, a map',
    store: 'memory',
    file: 'koa-session',
    packages: ['koa-session'],
    isQuick: false,
  }),
  peer({
    framework: 'koa',
    label: 'koa-session, signed cookie',
    store: 'cookie',
    file: 'koa-session',
    packages: ['koa-session'],
    isQuick: false,
  }),
  bare('hono'),
  sojourn('hono', 'memory'),
  peer({
    framework: 'hono',
    label: 'hono-sessions, memory',
    store: 'memory',
    file: 'hono-sessions',
    packages: ['hono-sessions'],
  }),
  peer({
    framework: 'hono',
    label: '@hono/session, a map',
    store: 'memory',
    file: 'hono-session',
    packages: ['@hono/session'],
    isQuick: false,
  }),
  peer({
    framework: 'hono',
    label: '@hono/session, sealed cookie',
    store: 'cookie',
    file: 'hono-session',
    packages: ['@hono/session'],
    isQuick: false,
  }),
  bare('h3'),
  sojourn('h3', 'memory'),
  peer({
    framework: 'h3',
    label: "h3's useSession, sealed cookie",
    store: 'cookie',
    file: 'h3-use-session',
    packages: [],
    isQuick: false,
  }),
  bare('adonis', { isQuick: false }),
  peer({
    framework: 'adonis',
    label: '@adonisjs/session, memory',
    store: 'memory',
    file: 'adonis-session',
    packages: ['@adonisjs/session'],
    isQuick: false,
  }),
  peer({
    framework: 'adonis',
    label: '@adonisjs/session, sealed cookie',
    store: 'cookie',
    file: 'adonis-session',
    packages: ['@adonisjs/session'],
    isQuick: false,
  }),
]
