import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { inProject } from '../../scripts/lib/project.ts'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import { startRedis } from '../../scripts/servers/redis.ts'
import type { RunningServer } from '../reading-room/support/server.ts'
import { spawnServer, startServer, temporaryFolder } from '../reading-room/support/server.ts'
import { own } from './support/own.ts'
import { sessionServers } from './support/session-stores.ts'
import { visitorAt } from './support/visitor.ts'

const PATIENCE = { timeout: 30_000 }

describe.each(sessionServers)('the Reading Room on $name', ({ addressFor }) => {
  it('K13: a session lives on after a restart; SIGTERM ends the application with 0', async (context) => {
    const store = await addressFor(context)
    const first = await start(store)
    const visitor = visitorAt(first.port)
    expect((await visitor.look('/count')).counted).toBe(1)
    first.signal('SIGTERM')
    expect(await first.exit).toEqual({ code: 0, signal: null })
    const second = await start(store)
    expect((await visitorAt(second.port, visitor.cookie()).look('/count')).counted).toBe(2)
  })
})

const outages = [
  { name: 'PostgreSQL', start: () => startPostgres() },
  { name: 'MariaDB', start: () => startMariadb() },
  { name: 'Redis', start: () => startRedis({ settings: { appendonly: 'yes', appendfsync: 'always' } }) },
]

describe.each(outages)('the Reading Room while its $name is away', ({ start: startStore }) => {
  it('STORE-2 STORE-5: it answers 503, keeps the cookie, and goes on by itself afterwards', async (context) => {
    const server = await own(context, startStore)
    const { url, port } = await start(server.url)
    const visitor = visitorAt(port)
    await visitor.look('/count')
    await server.kill9()
    const headers = { Cookie: `id=${visitor.cookie()}` }
    const refused = await fetch(`${url}/count`, { headers })
    expect(refused.status).toBe(503)
    expect(await refused.text()).toContain('The cloakroom is closed for a moment')
    expect(refused.headers.getSetCookie()).toEqual([])
    await server.restart()
    await expect.poll(async () => (await visitor.tryTo('/count'))?.counted, PATIENCE).toBeGreaterThan(1)
  })

  it('SIGTERM ends the application with 0', async (context) => {
    const server = await own(context, startStore)
    const application = await start(server.url)
    await visitorAt(application.port).look('/count')
    await server.kill9()
    application.signal('SIGTERM')
    expect(await application.exit).toEqual({ code: 0, signal: null })
  })
})

describe.each(['postgres', 'mysql', 'redis'])('the Reading Room and a wrong %s:// address', (protocol) => {
  it('says in one line that the server cannot be reached, without the password, and ends with 1', async () => {
    const { exit, errors } = spawn({ SESSION_STORE: `${protocol}://ann:secret@127.0.0.1:${await closedPort()}/0` })
    expect((await exit).code).toBe(1)
    expect(errors()).toMatch(
      new RegExp(`^The session store at ${protocol}://127.0.0.1:\\d+/0 cannot be used: .*ECONNREFUSED.*\n$`),
    )
    expect(errors()).not.toContain('secret')
  })

  it('says in one line which package is to be installed, and ends with 1', async () => {
    const name = { postgres: 'pg', mysql: 'mysql2', redis: 'redis' }[protocol]
    const elsewhere = temporaryFolder()
    onTestFinished(() => elsewhere.remove())
    const { exit, errors } = spawn({ SESSION_STORE: `${protocol}://127.0.0.1/0` }, bareCopyIn(elsewhere.path))
    expect((await exit).code).toBe(1)
    expect(errors()).toBe(`SESSION_STORE asks for the package ${name}, which is not installed: npm install ${name}\n`)
  })
})

async function start(store: string): Promise<RunningServer> {
  const folder = temporaryFolder()
  onTestFinished(() => folder.remove())
  const server = await startServer({ dataFolder: folder.path, store })
  onTestFinished(async () => void (await server.stop()))
  return server
}

function spawn(environment: Readonly<Record<string, string>>, program?: string): ReturnType<typeof spawnServer> {
  const folder = temporaryFolder()
  onTestFinished(() => folder.remove())
  return spawnServer({ PORT: '0', READING_ROOM_DATA: folder.path, ...environment }, program)
}

/** The example where nothing is installed but Sojourn, Express and its limit on sign-ins. */
function bareCopyIn(folder: string): string {
  cpSync(inProject('examples', 'reading-room'), join(folder, 'reading-room'), {
    recursive: true,
    filter: (path) => !path.endsWith('/data'),
  })
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(inProject(), join(folder, 'node_modules', 'sojourn'))
  for (const name of ['express', 'express-rate-limit']) {
    symlinkSync(inProject('node_modules', name), join(folder, 'node_modules', name))
  }
  return join(folder, 'reading-room', 'server.ts')
}

async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
