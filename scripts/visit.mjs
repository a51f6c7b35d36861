// The README's two commands as a visitor of a fresh clone runs them: `npm start` must answer its page and end when it is
// told to, and `npm test` must pass. Plain JavaScript without a dependency: nothing is installed before.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const cwd = fileURLToPath(new URL('..', import.meta.url))
const TEXT = 'The Reading Room'
// It installs and builds first.
const ANSWER_MS = 10 * 60_000
const END_MS = 20_000

console.log('▸ npm start')
const failure = await visitExample().catch(String)
console.log(
  failure === undefined ? 'npm start: answered its page, and ended when it was told to' : `npm start: ${failure}`,
)

console.log('\n▸ npm test')
const { code, lastLine } = await runTests()
const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(lastLine)?.slice(1).map(Number)
const [passed = 0, failed = 0, skipped = 0] = counts ?? [0, 1, 0]
if (failure !== undefined) console.log(`\nFailed:\n  npm start: ${failure}`)
if (counts === undefined) console.log(`\nFailed:\n  npm test: ended with ${code} before it had counted`)
console.log('\nWith npm start:')
const isOne = failure === undefined
console.log(`${passed + (isOne ? 1 : 0)} passed, ${failed + (isOne ? 0 : 1)} failed, ${skipped} skipped`)
process.exitCode = code === 0 && isOne && counts !== undefined ? 0 : 1

/** Resolves what was wrong, if anything. */
async function visitExample() {
  const port = await freePort()
  const child = spawn('npm', ['start'], { cwd, env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 1, 2] })
  const ended = once(child, 'close')
  try {
    const page = await pageOf(`http://127.0.0.1:${port}/`, child)
    if (!page.includes(TEXT)) return `the page does not say "${TEXT}":\n${page.slice(0, 500)}`
  } finally {
    child.kill('SIGTERM')
  }
  await Promise.race([ended, sleep(END_MS, undefined, { ref: false })])
  if (isRunning(child)) {
    child.kill('SIGKILL')
    return `still running ${END_MS} ms after SIGTERM`
  }
  // npm may be gone before what it started.
  const deadline = Date.now() + END_MS
  while (await answers(port)) {
    if (Date.now() > deadline) return `npm has ended after SIGTERM, the server has not in ${END_MS} ms`
    await sleep(100)
  }
  return undefined
}

/**
 * @param {string} url
 * @param {import('node:child_process').ChildProcess} child
 */
async function pageOf(url, child) {
  const deadline = Date.now() + ANSWER_MS
  for (;;) {
    if (!isRunning(child)) throw new Error(`ended by itself with ${child.exitCode ?? child.signalCode}`)
    if (Date.now() > deadline) throw new Error(`no page in ${ANSWER_MS} ms`)
    const response = await fetch(url).catch(() => undefined)
    if (response?.status === 200) return response.text()
    if (response !== undefined) throw new Error(`the page has status ${response.status}`)
    await sleep(200)
  }
}

/** @param {import('node:child_process').ChildProcess} child */
function isRunning(child) {
  return child.exitCode === null && child.signalCode === null
}

/** @param {number} port */
function answers(port) {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  )
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Shows what `npm test` prints as it comes, and resolves its last line too. */
async function runTests() {
  const child = spawn('npm', ['test'], { cwd, stdio: ['ignore', 'pipe', 2] })
  let tail = ''
  child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => {
    process.stdout.write(chunk)
    tail = (tail + chunk).slice(-1_000)
  })
  await once(child, 'close')
  return { code: child.exitCode ?? 1, lastLine: tail.trimEnd().split('\n').at(-1) ?? '' }
}
