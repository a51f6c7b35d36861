import { createSessions } from 'sojourn'
import { fetchSessions } from 'sojourn/fetch'
import { memoryStore } from 'sojourn/stores/memory'
import { cookieOf, equal, runCase } from './conformance.mjs'

/**
 * What needs no store contract: an application on this runtime.
 * @param {(result: import('./conformance.mjs').Result) => void} report
 */
export async function smokeTests(report) {
  await runCase('a fetch handler reads back what an earlier request set', remembers, report)
  await runCase('a visitor who changes nothing gets no cookie', leavesAlone, report)
  await runCase('login replaces the token, and the old one is worth nothing', rotates, report)
}

async function remembers() {
  const handle = application()
  const first = await handle(requestTo('/set'))
  equal(first.status, 200)
  const second = await handle(requestTo('/get', cookieOf(first)))
  equal(await second.text(), '1')
  equal(await (await handle(requestTo('/get'))).text(), '0')
}

async function leavesAlone() {
  const response = await application()(requestTo('/get'))
  equal(response.headers.get('set-cookie'), null)
}

async function rotates() {
  const handle = application()
  const before = cookieOf(await handle(requestTo('/set')))
  const after = cookieOf(await handle(requestTo('/login', before)))
  equal(before === after, false)
  equal(await (await handle(requestTo('/get', before))).text(), '0')
  equal(await (await handle(requestTo('/get', after))).text(), '1')
}

/** @returns {(request: Request) => Promise<Response>} */
function application() {
  const sessions = createSessions({ store: memoryStore(), initial: () => ({ visits: 0 }) })
  return fetchSessions(sessions)(async (request, session) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/set') session.data.visits += 1
    if (pathname === '/login') await session.login('ann', { keep: ['visits'] })
    return new Response(String(session.data.visits))
  })
}

/**
 * @param {string} path
 * @param {string} [cookie]
 */
function requestTo(path, cookie) {
  return new Request(`https://example.org${path}`, cookie === undefined ? {} : { headers: { cookie } })
}
