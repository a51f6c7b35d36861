const { createSessions, Session } = require('sojourn')
const { fetchSessions } = require('sojourn/fetch')
const { memoryStore } = require('sojourn/stores/memory')

const sessions = createSessions({ store: memoryStore(), initial: () => ({ visits: 0 }) })
const handle = fetchSessions(sessions)((_request, session) => {
  expect(session).toBeInstanceOf(Session)
  return new Response(`Visit ${(session.data.visits += 1)}`)
})

it('counts the visits of one client', async () => {
  const first = await handle(new Request('https://example.org/'))
  const cookie = first.headers.getSetCookie()[0].split(';')[0]
  const second = await handle(new Request('https://example.org/', { headers: { cookie } }))
  expect([await first.text(), await second.text()]).toEqual(['Visit 1', 'Visit 2'])
})
