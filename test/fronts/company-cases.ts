import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Client, Visitor } from './client.ts'
import { createVisitor } from './client.ts'
import { decoded } from './decoded.ts'
import type { Place, Reply } from './driver.ts'
import type { FrontCase, Visited } from './table.ts'

const PIECES: readonly string[] = Array.from({ length: 40 }, (_, line) => `line ${line} of a page\n`)
const PAGE = PIECES.join('')

async function* pieces(): AsyncIterable<string> {
  for (const piece of PIECES) {
    await setImmediate()
    yield piece
  }
}

const HTML = { 'Content-Type': 'text/html; charset=utf-8' }

/** Paths with `write` change the session, others read it; those with `stream` leave in pieces. */
function page({ session, path }: Visited): Reply {
  if (path.startsWith('/write')) session.data.count = (session.data.count ?? 0) + 1
  else session.get('count')
  return path.endsWith('/stream') ? { stream: pieces(), headers: HTML } : { body: PAGE, headers: HTML }
}

const GZIP = { 'accept-encoding': 'gzip' }

async function expectPage(visitor: Visitor, path: string, encoding: readonly string[]): Promise<void> {
  const opened = await visitor.open(path, { headers: GZIP }).opened
  expect([opened.status, opened.all('content-encoding')], path).toEqual([200, encoding])
  expect(opened.all('cache-control'), path).toEqual(['private, no-store'])
  expect(await text(decoded(opened)), path).toBe(PAGE)
}

async function beginVisit(client: Client): Promise<Visitor> {
  const visitor = createVisitor(client)
  const got = await visitor.request('/write')
  expect([got.text, got.cookies.length]).toEqual([PAGE, 1])
  return visitor
}

function compressed(place: Place): FrontCase {
  return {
    title: `compression ${place} it`,
    name: `beside middleware that compresses, ${place} the session, head and bytes fit, whatever the session needs (F2)`,
    neighbour: { kind: 'compression', place },
    handle: page,
    run: async ({ client, watched }) => {
      const visitor = await beginVisit(client)
      for (const path of ['/read', '/read/stream', '/write', '/write/stream']) await expectPage(visitor, path, ['gzip'])
      expect(watched.writes()).toEqual(['insert', 'update', 'update'])
      watched.fail('update')
      for (const path of ['/write', '/write/stream']) {
        const opened = await visitor.open(path, { headers: GZIP }).opened
        expect([opened.status, opened.all('set-cookie')], path).toEqual([503, []])
        expect(await text(decoded(opened)), path).not.toContain('line')
      }
      watched.heal()
      await expectPage(visitor, '/read', ['gzip'])
    },
  }
}

function hooked(place: Place): FrontCase {
  return {
    title: `a hook of the head ${place} it`,
    name: `beside middleware that hooks the head, ${place} the session, it is called once, and what it sets arrives (F2)`,
    neighbour: { kind: 'head hook', place },
    handle: page,
    run: async ({ client }) => {
      const visitor = await beginVisit(client)
      for (const path of ['/read', '/read/stream', '/write', '/write/stream']) {
        const got = await visitor.request(path)
        expect([got.text, got.all('x-hooked'), got.all('cache-control')], path).toEqual([
          PAGE,
          ['1'],
          ['private, no-store'],
        ])
      }
    },
  }
}

function changedLate(): FrontCase {
  async function* changing({ session }: Visited): AsyncIterable<string> {
    yield 'one '
    await setImmediate()
    session.data.name = 'late'
    yield 'two'
  }
  return {
    title: 'change after the first byte',
    name: 'what a stream changes is saved if the session exists, and is else a warning; a login is refused (F9)',
    handle: (visited) => {
      if (visited.path === '/write') return { body: String((visited.session.data.count = 1)) }
      return visited.path === '/stream' ? { stream: changing(visited) } : { body: String(visited.session.data.name) }
    },
    run: async ({ client, watched, sessions }) => {
      const warnings: string[] = []
      sessions.on('warning', ({ message }) => void warnings.push(message))
      const visitor = createVisitor(client)
      await visitor.request('/write')
      expect((await visitor.request('/stream')).text).toBe('one two')
      await expect.poll(() => watched.writes()).toEqual(['insert', 'update'])
      expect((await visitor.request('/')).text).toBe('late')
      expect(warnings).toEqual([])
      expect((await client.request('/stream')).text).toBe('one two')
      await expect.poll(() => warnings).toEqual([expect.stringMatching(/no token any more/)])
      expect(watched.writes()).toEqual(['insert', 'update'])
    },
  }
}

/** What a front must show beside other middleware, and when its response has begun. */
export const companyCases: readonly FrontCase[] = [
  compressed('before'),
  compressed('after'),
  hooked('before'),
  hooked('after'),
  changedLate(),
]
