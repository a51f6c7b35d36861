import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { StoreKey } from '../core/key.ts'
import { isSessionError } from '../core/errors.ts'
import type { SessionRecord } from '../core/store.ts'
import { lackingFor, storeCases, testKey, testRecord } from '../testing/index.ts'
import { fileStore } from './file.ts'
import type { FileStore } from './file.ts'

const START = 1_700_000_000_000
const HOUR = 3_600_000
const KEY = testKey('one', 'ann')

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

describe('the store contract', () => {
  it.each(storeCases)('$name', async (storeCase) => {
    const directory = await newDirectory()
    let time = START
    const now = (): number => time
    const store = open(directory, now)
    const advance = async (milliseconds: number): Promise<void> => {
      time += milliseconds
    }
    const reopen = async (): Promise<FileStore> => {
      await store.close()
      return open(directory, now)
    }
    const another = async (): Promise<FileStore> => open(directory, now)
    const harness = { store, now, advance, reopen, another }
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
  })
})

describe('the directory', () => {
  it('W16 Y15: a missing directory is made, and only this user may look into it and its files', async () => {
    const directory = join(await newDirectory(), 'a', 'b')
    const store = open(directory)
    await store.insert(KEY, testRecord(START, 'one', { subject: 'ann' }))
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    for (const file of await filesIn(directory)) expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600)
  })

  it('that was there and lets every user replace what is in it is told of (S11)', async () => {
    const told = async (mode: number): Promise<readonly string[]> => {
      const directory = join(await newDirectory(), 'open')
      await mkdir(directory)
      await chmod(directory, mode)
      const warnings: string[] = []
      await fileStore({ directory, onWarning: (message) => void warnings.push(message) }).close()
      return warnings
    }
    expect([await told(0o700), await told(0o755), await told(0o1777)]).toEqual([[], [], []])
    expect(await told(0o777)).toEqual([expect.stringMatching(/^file: every user of this machine may replace .*o-w$/)])
  })

  it.each(['file/below', 'file'])('W16: a directory that cannot be made (%s) is an error at start', async (path) => {
    const directory = await newDirectory()
    await writeFile(join(directory, 'file'), '')
    const error = errorOf(() => fileStore({ directory: join(directory, path) }))
    expect(isSessionError(error) && error.code).toBe('store-unavailable')
    expect(String(error)).toMatch(/cannot be made or written \(E[A-Z]+\); give/)
    expect(error).toHaveProperty('cause')
  })

  it('W16: a store without a directory is refused', () => {
    // @ts-expect-error the type demands it
    expect(() => fileStore({})).toThrow(TypeError)
    expect(() => fileStore({ directory: '' })).toThrow(/expected a path/)
  })

  it('K13 Y15: sessions survive a restart, in one file each', async () => {
    const directory = await newDirectory()
    const store = open(directory)
    const records = ['a', 'b', 'c'].map((label) => testRecord(START, label, { subject: 'ann' }))
    for (const record of records) await store.insert(testKey(record.handle), record)
    await store.close()
    expect((await filesIn(join(directory, 'data', 'records'))).length).toBe(3)
    const again = open(directory)
    for (const record of records) expect(await again.get(testKey(record.handle))).toEqual(record)
    expect(await again.countBySubject('ann')).toBe(3)
  })

  it('VULN-19 Y36: whatever a key or subject contains, all files stay inside and have hexadecimal names', async () => {
    const above = await newDirectory()
    const store = open(join(above, 'sessions'))
    const hostile = ['../../x', '/etc/passwd', '"/etc/password"', '%2e%2e%2f', 'a\0b', 'C:\\x', 'con', '.', '', '\n']
    for (const text of [...hostile, 'x'.repeat(5000)]) {
      const key = asHostileKey(text)
      const record = testRecord(START, 'one', { subject: text })
      expect(await store.get(key)).toBeUndefined()
      expect((await store.insert(key, record)).outcome).toBe('inserted')
      expect(await store.get(key)).toEqual(record)
      expect(await store.listBySubject(text)).toEqual([record])
      await store.rotate(key, 1, asHostileKey(`${text}/../r`), { ...record, version: 2 })
      await store.delete(asHostileKey(`${text}/../r`), { state: 'dead', expiresAt: START + HOUR })
    }
    await store.close()
    expect(await readdir(above)).toEqual(['sessions'])
    for (const file of await filesIn(above)) {
      expect(file).toMatch(/^sessions\/(owner-1\.json|data\/records\/[0-9a-f]\/[0-9a-f]{2}\/[0-9a-f]{64}\.json)$/)
    }
  })

  it('keys and subjects that differ in case only have names that differ on any disk', async () => {
    const directory = await newDirectory()
    const store = open(directory)
    const keys = ['A', 'a'].map((end) => asHostileKey(`s1.abc.${'x'.repeat(42)}${end}`))
    for (const [n, key] of keys.entries()) {
      await store.insert(key, testRecord(START, `${n}`, { subject: n === 0 ? 'Ann' : 'ann' }))
    }
    const names = (await filesIn(join(directory, 'data'))).map((name) => name.toLowerCase())
    expect(new Set(names).size).toBe(4)
    for (const [n, key] of keys.entries()) expect(await store.get(key)).toMatchObject({ handle: `handle-${n}` })
  })
})

describe('files', () => {
  it('NIST-5.2-1: reading an expired record removes it and its marker from the disk', async () => {
    const directory = await newDirectory()
    let time = START
    const store = open(directory, () => time)
    await store.insert(KEY, testRecord(START, 'one', { subject: 'ann', expiresAt: START + 1 }))
    expect(await filesIn(join(directory, 'data'))).toHaveLength(2)
    time++
    expect(await store.get(KEY)).toBeUndefined()
    expect(await filesIn(join(directory, 'data'))).toEqual([])
  })

  it('DOS-17: the modification time of a file is the end of its session, which sweeps go by', async () => {
    const directory = await newDirectory()
    let time = START
    const store = open(directory, () => time)
    await store.insert(KEY, testRecord(START, 'one'))
    await store.touch(KEY, START + 1, START + 2 * HOUR)
    const path = await recordFile(directory)
    expect(Math.round((await stat(path)).mtimeMs)).toBe(START + 2 * HOUR)
    // A copy of the directory may have other times: the content decides.
    await utimes(path, 1, 1)
    expect(await store.sweep(10)).toEqual({ removed: 0, isDone: true })
    expect(await store.get(KEY)).toBeDefined()
    time = START + 2 * HOUR
    expect(await store.sweep(10)).toEqual({ removed: 1, isDone: true })
    expect(existsSync(path)).toBe(false)
  })

  it.each([
    ['cut short', (text: string) => text.slice(0, 60)],
    ['empty', () => ''],
    ['of another kind', () => '[1, "secret"]'],
    ['of a newer format', (text: string) => text.replace('"format":1', '"format":2')],
    ['without a field', (text: string) => text.replace('"version":1,', '')],
    ['with a foreign key', (text: string) => text.replace(KEY, testKey('foreign'))],
  ])('a damaged file (%s) is an error with a code that shows no content', async (_, damage) => {
    const directory = await newDirectory()
    const store = open(directory)
    const data = '"secret"'
    await store.insert(KEY, testRecord(START, 'one', { subject: 'ann', data }))
    const path = await recordFile(directory)
    await writeFile(path, damage(await readFile(path, 'utf8')))
    for (const call of [
      () => store.get(KEY),
      () => store.update(KEY, 1, testRecord(START, 'one', { version: 2 })),
      () => store.touch(KEY, START, START + HOUR),
      () => store.insert(KEY, testRecord(START, 'two')),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason)
      expect(isSessionError(error) && error.code).toBe('undecodable')
      expect(String(error)).toContain(basename(path))
      expect(String(error) + JSON.stringify(error) + causesOf(error)).not.toMatch(/secret|s1\./)
    }
    expect(await store.listBySubject('ann')).toEqual([])
    for await (const page of store.scan()) expect(page).toEqual([])
    expect(await store.delete(KEY)).toBe(false)
    expect(await store.get(KEY)).toBeUndefined()
    expect((await store.insert(KEY, testRecord(START, 'two'))).outcome).toBe('inserted')
  })

  it('a damaged file is removed by a sweep when its time has come, and with all sessions of its user', async () => {
    const directory = await newDirectory()
    const store = open(directory)
    await store.insert(KEY, testRecord(START, 'one', { subject: 'ann' }))
    const path = await recordFile(directory)
    await writeFile(path, 'x')
    await utimes(path, START / 1000 - 1, START / 1000 - 1)
    expect(await store.sweep(10)).toEqual({ removed: 1, isDone: true })
    await store.insert(KEY, testRecord(START, 'one', { subject: 'ann' }))
    await writeFile(path, 'x')
    expect(await store.deleteBySubject('ann')).toBe(0)
    expect(await filesIn(join(directory, 'data'))).toEqual([])
  })

  it('RACE-14: an index and records that disagree agree again after the next call', async () => {
    const directory = await newDirectory()
    const store = open(directory)
    const record = testRecord(START, 'one', { subject: 'ann' })
    await store.insert(KEY, record)
    const [marker] = await filesIn(join(directory, 'data', 'subjects'))
    await rm(join(directory, 'data', 'subjects'), { recursive: true })
    expect(await store.countBySubject('ann')).toBe(0)
    await store.update(KEY, 1, { ...record, version: 2 })
    expect(await store.countBySubject('ann')).toBe(1)
    await rm(await recordFile(directory))
    expect(await store.countBySubject('ann')).toBe(0)
    expect(existsSync(join(directory, 'data', 'subjects', marker ?? ''))).toBe(false)
  })

  it('what a killed process left on the way is removed at the next start and by sweeps', async () => {
    const directory = await newDirectory()
    await mkdir(join(directory, 'tmp'))
    await mkdir(join(directory, 'trash', 'old', 'records'), { recursive: true })
    await writeFile(join(directory, 'tmp', 'left-over'), 'half')
    await writeFile(join(directory, 'trash', 'old', 'records', 'x.json'), '{}')
    const store = open(directory)
    await store.get(KEY)
    await vi.waitFor(async () => expect(await filesIn(directory)).toEqual(['owner-1.json']))
    await writeFile(join(directory, 'tmp', 'later'), 'half')
    await store.sweep(1)
    expect(await filesIn(directory)).toEqual(['owner-1.json'])
  })

  it('ASVS5-7.4.5: what clear ended is removed in the background', async () => {
    const directory = await newDirectory()
    const store = open(directory)
    for (const label of ['a', 'b', 'c']) await store.insert(testKey(label), testRecord(START, label))
    await store.clear()
    expect(await store.get(testKey('a'))).toBeUndefined()
    await vi.waitFor(async () => expect(await filesIn(directory)).toEqual(['owner-1.json']))
  })

  it('STORE-5: a directory whose content was removed under a running store works on', async () => {
    const directory = await newDirectory()
    const store = open(directory)
    await store.insert(KEY, testRecord(START, 'one'))
    for (const name of ['data', 'tmp']) await rm(join(directory, name), { recursive: true })
    expect(await store.get(KEY)).toBeUndefined()
    expect((await store.insert(KEY, testRecord(START, 'two'))).outcome).toBe('inserted')
  })
})

describe('the owner', () => {
  it('a second process is refused with a remedy, and after a kill the next start owns the directory at once', async () => {
    const directory = await newDirectory()
    const child = await startChild(directory, `await store.insert(${JSON.stringify(KEY)}, ${recordText('child')})`)
    const error = errorOf(() => fileStore({ directory }))
    expect(isSessionError(error) && error.code).toBe('store-unavailable')
    expect(String(error)).toMatch(/in use by process \d+.*sqliteStore/)
    await child.kill()
    const store = open(directory)
    expect(await store.get(KEY)).toMatchObject({ handle: 'child' })
    const refused = await startChild(directory, '').catch((reason: unknown) => reason)
    expect(String(refused)).toMatch(/in use by process/)
  })

  it('of several processes that find a dead owner at the same moment exactly one owns the directory', async () => {
    const directory = await newDirectory()
    await writeOwner(directory, { pid: 2 ** 22 + 1, host: hostname(), start: '' }, 0)
    const starts = await Promise.allSettled(Array.from({ length: 4 }, () => startChild(directory, '')))
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const refusals = starts.flatMap((start) => (start.status === 'rejected' ? [String(start.reason)] : []))
    for (const refusal of refusals) expect(refusal).toMatch(/in use by process \d+/)
  })

  it('STORE-7: kill -9 in the middle of rotations leaves exactly one live session, and none that was answered is lost', async () => {
    const directory = await newDirectory()
    const keys = Array.from({ length: 2000 }, (_, n) => testKey(`step-${n}`, 'ann'))
    const record = recordText('moving')
    for (let round = 0; round < 4; round++) {
      await rm(directory, { recursive: true })
      const child = await startChild(
        directory,
        `const keys = ${JSON.stringify(keys)}; await store.insert(keys[0], ${record})
         for (let n = 1; n < keys.length; n++) {
           await store.rotate(keys[n - 1], n, keys[n], { ...${record}, version: n + 1 })
           console.log('step ' + n)
         }`,
        `step ${5 + round * 3}`,
      )
      await child.kill()
      const store = open(directory)
      const live: number[] = []
      for (const [n, key] of keys.slice(0, 200).entries()) if ((await store.get(key)) !== undefined) live.push(n)
      expect(live).toHaveLength(1)
      expect([child.last(), child.last() + 1]).toContain(live[0])
      expect(await store.countBySubject('ann')).toBe(1)
      await store.close()
    }
  })

  it.each([
    ['a process number that another program has now', { pid: process.pid, host: hostname(), start: 'earlier' }, 0],
    ['a process that is gone', { pid: 2 ** 22 + 1, host: hostname(), start: '' }, 0],
    ['a machine that was not heard of for a minute', { pid: 1, host: 'elsewhere', start: '' }, 60_000],
    ['a file that is damaged', {}, 0],
  ])('the directory of %s is free', async (_, owner, age) => {
    const directory = await newDirectory()
    await writeOwner(directory, owner, age)
    const store = open(directory)
    expect(await store.get(KEY)).toBeUndefined()
    expect(await readdir(directory)).toContain('owner-8.json')
    expect(await readdir(directory)).not.toContain('owner-7.json')
  })

  it.each([
    ['a machine that was heard of just now', { pid: 1, host: 'elsewhere', start: '' }],
    ['a living process', { pid: process.ppid, host: hostname(), start: '' }],
  ])('the directory of %s is not free', async (_, owner) => {
    const directory = await newDirectory()
    await writeOwner(directory, owner, 0)
    expect(() => fileStore({ directory })).toThrow(/in use by process/)
  })

  it('two stores of one process, as after a hot reload, share all locks, and the last one gives the directory free', async () => {
    const directory = await newDirectory()
    const [first, second] = [open(directory), open(join(directory, '..', basename(directory)))]
    await first.insert(KEY, testRecord(START, 'one', { data: '0' }))
    const increment = async (store: FileStore): Promise<void> => {
      for (let outcome = ''; outcome !== 'updated';) {
        const found = await store.get(KEY)
        if (found?.state !== 'live') throw new Error('lost')
        const data = String(Number(found.data) + 1)
        outcome = (await store.update(KEY, found.version, { ...found, version: found.version + 1, data })).outcome
      }
    }
    await Promise.all(Array.from({ length: 20 }, (_, n) => increment(n % 2 === 0 ? first : second)))
    expect(await first.get(KEY)).toMatchObject({ data: '20' })
    await first.close()
    expect(await second.get(KEY)).toBeDefined()
    await expect(first.get(KEY)).rejects.toMatchObject({ code: 'closed' })
    await expect(first.clear()).rejects.toMatchObject({ code: 'closed' })
    await second.close()
    const child = await startChild(directory, '')
    await child.kill()
  })
})

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sojourn-file-'))
  cleanups.push(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function open(directory: string, now: () => number = () => START): FileStore {
  const store = fileStore({ directory, now })
  cleanups.push(() => store.close())
  return store
}

/** A key that a store can only see when somebody passes it a text from outside. */
function asHostileKey(text: string): StoreKey {
  return text as StoreKey
}

function errorOf(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  throw new Error('expected an error')
}

function causesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${causesOf(error.cause)}` : ''
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted()
}

async function recordFile(directory: string): Promise<string> {
  const [file] = await filesIn(join(directory, 'data', 'records'))
  return join(directory, 'data', 'records', file ?? 'none')
}

async function writeOwner(directory: string, owner: object, age: number): Promise<void> {
  const path = join(directory, 'owner-7.json')
  await writeFile(path, JSON.stringify(owner))
  const seconds = (Date.now() - age) / 1000
  await utimes(path, seconds, seconds)
}

function recordText(handle: string): string {
  const record: SessionRecord = testRecord(START, 'one', { subject: 'ann', handle })
  return JSON.stringify(record)
}

interface Child {
  /** The number in the last line that the child wrote. */
  last(): number
  /** kill -9. */
  kill(): Promise<void>
}

/** A process of its own with a store on the directory; resolves when it has written the line. */
async function startChild(directory: string, script: string, line = 'ready'): Promise<Child> {
  const code = `import { fileStore } from ${JSON.stringify(new URL('file.ts', import.meta.url).href)}
    const store = fileStore({ directory: ${JSON.stringify(directory)}, now: () => ${START} })
    ${script}
    console.log('ready')
    setInterval(() => {}, 1000)`
  const fromSource = new URL('../../bench/from-source.mjs', import.meta.url).href
  const child = spawn(process.execPath, ['--import', fromSource, '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = createInterface(child.stdout)
  // What the child wrote before it was killed is still on its way when it exits.
  const exit = Promise.all([child, lines].map((part) => new Promise((resolve) => part.once('close', resolve))))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exit
  }
  cleanups.push(kill)
  let last = ''
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (text) => {
      last = text
      if (text === line) resolve()
    })
    child.once('close', () => reject(new Error(errors)))
  })
  return { last: () => Number(last.split(' ').at(-1)), kill }
}
