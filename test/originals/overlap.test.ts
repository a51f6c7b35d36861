import { createKarrigell } from 'sojourn/originals/karrigell'
import { createPyhp } from 'sojourn/originals/pyhp'
import { application, input, MemoryStore, Session } from 'sojourn/originals/webpy'
import { createWebStack } from 'sojourn/originals/webstack'
import type { Servers } from 'sojourn/originals/webstack'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, it } from 'vitest'
import { hosts } from './hosts.ts'
import { browser } from './web.ts'

/** Lets pages wait in the middle until the test says so. */
interface Gate {
  /** For a page: it has come here, and waits. */
  pass(): Promise<void>
  /** For the test: so many pages are waiting. */
  arrived(count: number): Promise<void>
  open(): void
}

function gate(): Gate {
  let waiting = 0
  let open = (): void => undefined
  let wake = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return {
    pass() {
      waiting += 1
      wake()
      return opened
    },
    async arrived(count) {
      while (waiting < count) await new Promise<void>((resolve) => (wake = resolve))
    },
    open: () => open(),
  }
}

/** What the pages of every original do: `/set` writes the key of the query and waits; `/end` ends; `/keys` tells. */
type Original = (slow: Gate) => Servers

const insecure = { cookie: { insecureDevelopment: true } } as const

const originals: Readonly<Record<string, Original>> = {
  'P13 P14: pyhp.session': (slow) => {
    const pyhp = createPyhp<Record<string, string>>({ store: memoryStore(), ...insecure })
    return pyhp.serve({
      '/begin': () => (pyhp.session.start(), 'begun'),
      '/set': async () => {
        pyhp.session.data[pyhp.post['key'] ?? ''] = 'set'
        await slow.pass()
        return 'set'
      },
      '/end': async () => (await pyhp.session.wipe(), 'ended'),
      '/keys': () => (pyhp.session.id === undefined ? 'none' : Object.keys(pyhp.session.data).toSorted().join()),
    })
  },
  'W7 W8: WebStack’s session': (slow) =>
    createWebStack({ store: memoryStore(), ...insecure }).deploy({
      async respond(trans) {
        if (trans.path === '/end') await trans.expireSession()
        if (trans.path === '/begin') trans.getSession()
        if (trans.path === '/set') {
          trans.getSession().set(trans.fields.get('key') ?? '', 'set')
          await slow.pass()
        }
        trans.respond(trans.getSession({ create: false })?.keys().toSorted().join() ?? 'none')
      },
    }),
  'K7 K20: Karrigell’s Session()': (slow) => {
    const { Session: current, REQUEST, serve, sessions } = createKarrigell<Record<string, unknown>>(insecure)
    return serve({
      '/begin': () => typeof current(),
      '/set': async () => {
        current()[REQUEST['key'] ?? ''] = 'set'
        await slow.pass()
        return 'set'
      },
      '/end': async () => (await current().close(), 'ended'),
      '/keys': () => (sessions.current().isStarted ? Object.keys(current()).toSorted().join() : 'none'),
    })
  },
  'Y13 Y18: web.py’s Session': (slow) => {
    const app = application({
      '/begin': () => typeof session.get('begun'),
      '/set': async () => {
        session[input()['key'] ?? ''] = 'set'
        await slow.pass()
        return 'set'
      },
      '/end': async () => (await session.kill(), 'ended'),
      '/keys': () => Object.keys(session).toSorted().join() || 'none',
    })
    const session = new Session(app, new MemoryStore())
    return app
  },
}

describe.each(Object.entries(originals))('%s', (_, original) => {
  it.each(Object.entries(hosts))('loses nothing of what requests set at once, on %s', async (_host, host) => {
    const slow = gate()
    const ann = browser(await host(original(slow)))
    await ann.get('/begin')
    const both = [ann.post('/set', { key: 'left' }), ann.post('/set', { key: 'right' })]
    await slow.arrived(2)
    slow.open()
    await Promise.all(both)
    expect((await ann.get('/keys')).text).toBe('left,right')
  })

  it.each(Object.entries(hosts))(
    'stays ended when a slower request saves after its end, on %s',
    async (_host, host) => {
      const slow = gate()
      const address = await host(original(slow))
      const ann = browser(address)
      await ann.get('/begin')
      const thief = browser(address)
      for (const [name, value] of ann.cookies) thief.cookies.set(name, value)
      const late = ann.post('/set', { key: 'late' })
      await slow.arrived(1)
      await ann.get('/end')
      slow.open()
      expect((await late).setCookies).toEqual([])
      expect([(await ann.get('/keys')).text, (await thief.get('/keys')).text]).toEqual(['none', 'none'])
    },
  )
})
