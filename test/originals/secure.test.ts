import { createKarrigell } from 'sojourn/originals/karrigell'
import { createPyhp } from 'sojourn/originals/pyhp'
import { application, config, input, MemoryStore, Session } from 'sojourn/originals/webpy'
import type { Servers } from 'sojourn/originals/webstack'
import { createWebStack } from 'sojourn/originals/webstack'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient } from '../fronts/client.ts'
import type { Client } from '../fronts/client.ts'
import type { Kind } from '../fronts/drivers/servers.ts'
import { listen } from '../fronts/drivers/servers.ts'

/** Every original as it is by default, for https: `/` keeps a form's field, or tells what was kept. */
const originals: Readonly<Record<string, { readonly cookie: RegExp; readonly serve: () => Servers }>> = {
  'P5 P12: pyhp.session': {
    cookie: /^__Host-id=[\w-]{46}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    serve: () => {
      const { session, post, serve } = createPyhp<{ v?: string }>({ store: memoryStore(), trustProxy: true })
      return serve({
        '/': () => {
          session.start()
          if ('v' in post) session.data.v = post['v'] ?? ''
          return session.get('v') ?? 'nothing'
        },
      })
    },
  },
  'W14: WebStack’s session': {
    cookie: /^__Host-id=[\w-]{46}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    serve: () =>
      createWebStack({ store: memoryStore(), trustProxy: true }).deploy({
        respond(trans) {
          const session = trans.getSession()
          if (trans.fields.has('v')) session.set('v', trans.fields.get('v') ?? '')
          trans.respond(session.get('v', 'nothing'))
        },
      }),
  },
  'K2: Karrigell’s Session()': {
    cookie: /^sessionId=[\w-]{46}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    serve: () => {
      const { Session: current, REQUEST, serve } = createKarrigell<Record<string, string>>({ trustProxy: true })
      return serve({
        '/': () => {
          const session = current()
          if ('v' in REQUEST) session['v'] = REQUEST['v'] ?? ''
          return 'v' in session ? (session['v'] ?? '') : 'nothing'
        },
      })
    },
  },
  'Y28: web.py’s Session': {
    cookie: /^webpy_session_id=[\w-]{46}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    serve: () => {
      config.sessionParameters.secure = true
      onTestFinished(() => void (config.sessionParameters.secure = false))
      const app = application({ '/': () => (session.v = input()['v'] ?? session.v) }, { trustProxy: true })
      const session = new Session(app, new MemoryStore(), { v: 'nothing' })
      return app
    },
  },
}

/** The cookie that a visitor got, and what the second visit showed who had sent a form in between. */
async function visit(client: Client): Promise<readonly [line: string, shown: string]> {
  const first = await client.request('/')
  expect([first.status, first.text]).toEqual([200, 'nothing'])
  const headers = { cookie: first.cookies[0]?.split(';')[0] ?? '' }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  await client.request('/', { method: 'POST', headers: { ...headers, ...form }, body: 'v=Gr%C3%BC%C3%9Fe+1' })
  return [first.cookies[0] ?? '', (await client.request('/', { headers })).text]
}

describe.each(Object.entries(originals))('%s as it is by default', (_, { cookie, serve }) => {
  it.each<Kind>(['https', 'h2c', 'http'])('keeps a form’s field under a Secure cookie, on %s', async (kind) => {
    const { endpoint, close } = await listen(kind, serve().node)
    const client = createClient(endpoint)
    onTestFinished(async () => {
      client.close()
      await close()
    })
    expect(await visit(client)).toEqual([expect.stringMatching(cookie), 'Grüße 1'])
  })
})
