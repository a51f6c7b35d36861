import type { Session } from 'sojourn'
import { describe, expect, it, vi } from 'vitest'
import { createVisitor } from '../fronts/client.ts'
import type { Visit } from '../fronts/driver.ts'
import { drivers } from '../fronts/drivers/all.ts'
import type { FrontCase } from '../fronts/table.ts'
import { play } from '../fronts/table.ts'

/** What people do to sessions of other libraries. */
const HABITS: readonly (readonly [
  name: string,
  habit: (session: Session<Visit>) => void,
  warning: RegExp | undefined,
])[] = [
  [
    'a property written on it',
    (session) => void Object.assign(session, { views: 1 }),
    /^session\.views: .*session\.data\.views/,
  ],
  ['a user written on it', (session) => void Object.assign(session, { user: 1 }), /^session\.user: .*session\.login/],
  [
    'the cookie changed',
    (session) => void Reflect.set(Object(Reflect.get(session, 'cookie')), 'maxAge', 1),
    /^session\.cookie: /,
  ],
  ['save with a callback', (session) => void Reflect.apply(session.save, session, [() => undefined]), undefined],
  ['destroy with a callback', (session) => void Reflect.apply(session.destroy, session, [() => undefined]), undefined],
]

describe.each(drivers)('on $name', (driver) => {
  it.each(HABITS)(
    '%s is answered 500 at once, and what was changed before is kept (F1, F2, F3)',
    async (_name, habit, warning) => {
      vi.spyOn(console, 'error').mockImplementation(() => undefined)
      const warnings: string[] = []
      const habitual: FrontCase = {
        title: '',
        name: '',
        handle: ({ session, sessions, path }) => {
          if (path === '/begin') session.data.a = 1
          if (path !== '/') return { body: `count ${session.data.count}` }
          sessions.on('warning', ({ message }) => warnings.push(message))
          session.data.count = 1
          habit(session)
          return { body: 'never reached' }
        },
        run: async ({ client }) => {
          const visitor = createVisitor(client)
          await visitor.request('/begin')
          const got = await visitor.request('/')
          expect([got.status, got.text.includes('never reached')]).toEqual([500, false])
          expect((await visitor.request('/read')).text).toBe('count 1')
        },
      }
      await play(driver, habitual)
      expect(warnings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)])
    },
  )
})
