import { SessionError } from 'sojourn'
import type { SessionErrorCode } from 'sojourn'
import { csrf } from 'sojourn/csrf'
import { expect } from 'vitest'
import { createVisitor } from './client.ts'
import type { FrontCase } from './table.ts'

const guard = csrf()

/** What an error says that a handler lets through: one code for each status. */
const thrown: Readonly<Partial<Record<SessionErrorCode, number>>> = {
  'reauthentication-required': 401,
  csrf: 403,
  gone: 409,
  superseded: 409,
  'subject-limit': 409,
  'too-large': 413,
  unsupported: 500,
  'store-unavailable': 503,
}

/** Behaviours of every front: whoever lets an error of the session through answers with the status that it carries. */
export const statusCases: readonly FrontCase[] = [
  {
    title: 'status of an error',
    name: 'an error of the session that a handler lets through is answered with the status that it carries',
    handle({ path }) {
      throw new SessionError(path.slice(1) as SessionErrorCode, 'session: let through on purpose')
    },
    run: async ({ client }) => {
      for (const [code, status] of Object.entries(thrown)) {
        expect((await client.request(`/${code}`)).status, code).toBe(status)
      }
    },
  },
  {
    title: 'refused form is 403',
    name: 'ASVS5-3.5.1: a form without its token is answered 403 when the handler lets the guard speak',
    handle({ session }) {
      guard.verify(session)
      return { body: 'accepted' }
    },
    run: async ({ client }) => {
      const got = await client.request('/', { method: 'POST' })
      expect(got.status).toBe(403)
      expect(got.text).not.toContain('accepted')
    },
  },
  {
    title: 'stale sign-in is 401',
    name: 'ASVS5-7.5.1: a page that asks for a fresh sign-in is answered 401 to who has none',
    handle({ session }) {
      session.requireFresh({ within: '5m' })
      return { body: 'secret' }
    },
    run: async ({ client }) => {
      const got = await client.request('/')
      expect(got.status).toBe(401)
      expect(got.text).not.toContain('secret')
    },
  },
  {
    title: 'store outage in a verb',
    name: 'STORE-3: a verb that meets a store which is away is answered 503, like a load and a save',
    async handle({ session, path }) {
      if (path === '/login') await session.login('ann')
      else if (path === '/increment') await session.increment('count')
      else if (path === '/logout') await session.logout()
      else session.data.name = 'ada'
      return { body: 'done' }
    },
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      await visitor.request('/')
      for (const path of ['/login', '/increment', '/logout']) {
        watched.fail('rotate', 'insert', 'update', 'delete', 'deleteByHandle')
        const got = await visitor.request(path)
        expect([got.status, got.cookies], path).toEqual([503, []])
        watched.heal()
      }
    },
  },
]
