import { expect, it } from 'vitest'
import { createSessions } from '../core/sessions.ts'
import { referenceStore } from './wrong/reference.ts'
import { seedSession } from './seed-session.ts'

interface Visit {
  cart: string[]
  theme: 'dark' | 'light'
}

it('a seeded session is found by a request that sends its headers, with its user and its data', async () => {
  const sessions = createSessions<Visit>({
    store: referenceStore(Date.now),
    initial: () => ({ cart: [], theme: 'light' }),
  })
  const seeded = await seedSession(sessions, { subject: 'ann', data: { cart: ['tea'] }, login: { level: 2 } })
  const header = (name: string): string | undefined => (name === 'cookie' ? seeded.headers.cookie : undefined)
  const session = await sessions.open({ method: 'GET', url: '/', secure: true, header })
  expect(session.subject).toBe('ann')
  expect(session.handle).toBe(seeded.handle)
  expect(session.authentication?.level).toBe(2)
  expect(session.data).toEqual({ cart: ['tea'], theme: 'light' })
  expect(await sessions.forSubject('ann').count()).toBe(1)
})

it('without a plan it seeds an anonymous, empty session that exists', async () => {
  const sessions = createSessions({ store: referenceStore(Date.now) })
  const { cookie } = await seedSession(sessions)
  const session = await sessions.open({ method: 'GET', url: '/', secure: true, header: () => cookie })
  expect([session.isStarted, session.isNew, session.subject]).toEqual([true, false, undefined])
})
