import { createRequire } from 'node:module'
import { createSessions } from 'sojourn'
import { fetchSessions } from 'sojourn/fetch'
import { memoryStore } from 'sojourn/stores/memory'
import { cookieOf, equal, runCase } from './conformance.mjs'
import part from './part.cjs'

/**
 * One part of an application imports the package, the other one requires it.
 * @param {(result: import('./conformance.mjs').Result) => void} report
 */
export async function oneEngineTests(report) {
  await runCase('import and require give out the same things, under every name', sameExports, report)
  await runCase('a manager of that name is the same one, required or imported', sameManager, report)
  await runCase('a session that an imported front opened is current in a required part', seenAcross, report)
  await runCase('a required front serves a manager that was imported', servedAcross, report)
}

async function sameExports() {
  const manifest = /** @type {{ exports: object }} */ (createRequire(import.meta.url)('sojourn/package.json'))
  for (const name of Object.keys(manifest.exports)) {
    if (name === './package.json') continue
    const specifier = `sojourn${name.slice(1)}`
    const imported = namesIn(await import(specifier))
    const required = namesIn(part.load(specifier))
    equal([...imported.keys()].toSorted().join(), [...required.keys()].toSorted().join())
    for (const [key, value] of imported) equal(value === required.get(key), true)
  }
}

/**
 * @param {unknown} module
 * @returns {Map<string, unknown>}
 */
function namesIn(module) {
  return new Map(Object.entries(/** @type {object} */ (module)))
}

async function sameManager() {
  const imported = createSessions({ name: 'both', store: memoryStore() })
  equal(Object.is(imported, part.managerOf('both')), true)
  await imported.close()
}

async function seenAcross() {
  const sessions = createSessions({ name: 'ours', store: memoryStore(), initial: () => ({ visits: 0 }) })
  const handle = fetchSessions(sessions)(async (_request, session) => {
    equal(part.isItsSession(session), true)
    if (session.subject === undefined) await session.login('ann')
    return new Response(part.userOf('ours'))
  })
  const first = await handle(new Request('https://example.org/'))
  const second = await handle(new Request('https://example.org/', { headers: { cookie: cookieOf(first) } }))
  equal(await second.text(), 'ann')
  await sessions.close()
}

async function servedAcross() {
  const sessions = createSessions({ store: memoryStore(), initial: () => ({ visits: 0 }) })
  const handle = part.withSession(sessions)(async (_request, session) => {
    session.data.visits += 1
    return new Response(String(session.data.visits))
  })
  const first = await handle(new Request('https://example.org/'))
  const second = await handle(new Request('https://example.org/', { headers: { cookie: cookieOf(first) } }))
  equal(await second.text(), '2')
  try {
    sessions.current()
    throw new Error('there is no current session here')
  } catch (error) {
    equal(part.isItsError(error), true)
  }
}
