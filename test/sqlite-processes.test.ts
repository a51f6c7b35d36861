import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { testKey, testRecord } from 'sojourn/testing'

const child = fileURLToPath(new URL('sqlite/hammer.ts', import.meta.url))
const preload = new URL('../bench/from-source.mjs', import.meta.url).href
let folder = ''
let path = ''
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-sqlite-processes-'))
  path = join(folder, 'sessions.db')
})

afterEach(() => {
  for (const process of children.splice(0)) process.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a process with the file open; resolves once it is ready for its order. */
async function start(name: string): Promise<ChildProcess> {
  const process = fork(child, [path, name], {
    execArgv: ['--import', preload],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  children.push(process)
  await once(process, 'message')
  return process
}

async function end(process: ChildProcess): Promise<number | null> {
  const [code] = (await once(process, 'exit')) as [number | null]
  return code
}

it(
  'RACE-1 DOS-5: eight processes on one new file make no error, count exactly and hold the limit',
  { timeout: 120_000 },
  async () => {
    // All of them make the file and its tables at the same moment.
    const processes = await Promise.all(Array.from({ length: 8 }, (_, n) => start(`${n}`)))
    const store = sqliteStore({ path })
    await store.insert(testKey('counter'), testRecord(Date.now(), 'counter', { data: '0' }))
    const times = 250
    const ends = processes.map(end)
    const messages = processes.map((process) => once(process, 'message'))
    for (const process of processes) process.send({ do: 'increment', times })
    expect(await Promise.all(ends)).toEqual(Array.from({ length: 8 }, () => 0))
    const conflicts = (await Promise.all(messages)).map(([message]) => (message as { conflicts: number }).conflicts)
    expect(conflicts.reduce((sum, count) => sum + count)).toBeGreaterThan(0)
    expect(await store.get(testKey('counter'))).toMatchObject({ data: String(8 * times), version: 8 * times + 1 })
    expect(await store.countBySubject('ann')).toBe(5)
    await store.close()
  },
)

it(
  'STORE-7 STORE-8: a process that is killed with signal 9 loses nothing that it had answered',
  { timeout: 60_000 },
  async () => {
    const process = await start('victim')
    let answered = -1
    process.on('message', (message) => {
      answered = (message as { answered: number }).answered
      if (answered === 200) process.kill('SIGKILL')
    })
    const ended = once(process, 'exit')
    process.send({ do: 'insert', times: 0 })
    expect((await ended)[1]).toBe('SIGKILL')
    expect(answered).toBeGreaterThanOrEqual(200)
    const store = sqliteStore({ path })
    for (let n = 0; n <= answered; n++) expect(await store.get(testKey(`${n}`))).toMatchObject({ version: 2 })
    await store.close()
  },
)
