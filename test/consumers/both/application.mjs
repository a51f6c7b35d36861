// The part of an application that imports; it has one engine together with the part that requires, or it fails.
import { createSessions, isSessionError, Session, SessionError } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { fetchSessions } from 'sojourn/fetch'
import { memoryStore } from 'sojourn/stores/memory'
import part from './part.cjs'

const imported = { createSessions, expressSessions, isSessionError, memoryStore, Session, SessionError }

/** What is wrong; empty in an application with one engine. */
export async function faults() {
  const found = Object.entries(imported)
    .filter(([name, value]) => part.names[name] !== value)
    .map(([name]) => `${name} is there twice`)
  const sessions = createSessions({ name: 'site', store: memoryStore({ allowInProduction: true }) })
  const handle = fetchSessions(sessions)(async (_request, session) => {
    await session.login('ann')
    return new Response(part.userOf('site'))
  })
  const user = await (await handle(new Request('https://example.org/'))).text()
  await sessions.close()
  return user === 'ann' ? found : [...found, `the current user is ${user}`]
}
