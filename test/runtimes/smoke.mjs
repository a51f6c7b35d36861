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
  await runCase('data nested or spread too far are refused, and end no process (VULN-34)', refusesHostileData, report)
}

// Node before 20.20.2, 22.22.2 and 24.14.1 ends the process when the stack overflows beside an AsyncLocalStorage, and
// spends seconds on keys that look like integers (CVE-2025-59466, CVE-2026-21717).
async function refusesHostileData() {
  let nested = /** @type {unknown} */ (0)
  for (let i = 0; i < 5000; i++) nested = i % 2 === 0 ? [nested] : { nested }
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [String(i), 0]))
  const sessions = createSessions({ store: memoryStore() })
  for (const value of [nested, wide]) {
    const handle = fetchSessions(sessions)(async (_request, session) => {
      session.set('a', value)
      const refusal = await session.save().catch((/** @type {{ code: string }} */ error) => error.code)
      session.delete('a')
      return new Response(refusal)
    })
    equal(await (await handle(requestTo('/'))).text(), 'too-large')
  }
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
