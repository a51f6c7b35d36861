import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { SessionError } from '../../core/errors.ts'
import { codeOf, FILE_MODE } from './disk.ts'
import { numberOf, parseObject, stringOf } from './entry.ts'

/** This process owns the directory until `release`. */
export interface Ownership {
  /** False when a process on another machine took the directory over, because this one was suspended for too long. */
  isHeld(): boolean
  release(): void
}

interface Owner {
  readonly pid: number
  readonly host: string
  /** Tells a process from a later one with the same number. Empty where the system does not say. */
  readonly start: string
  readonly isReleased: boolean
}

/** How often the owner shows to other machines that it lives; on one machine the process table says it at once. */
const BEAT_MS = 5_000
const DEAD_AFTER_MS = 30_000

/**
 * Owners are numbered files, and who takes a directory over makes the next number: a file that can be made only once.
 * Replacing the file of a dead owner instead would let two processes that see the same dead owner both succeed.
 *
 * @throws SessionError `store-unavailable` when another live process owns the directory.
 */
export function takeOwnership(root: string, temporary: string): Ownership {
  for (let attempt = 0; attempt < 100; attempt++) {
    const last = lastOwner(root)
    if (last.owner !== undefined && !isGone(last.owner, fileOf(root, last.number))) throw inUse(root, last)
    const number = last.number + 1
    if (!createOnce(fileOf(root, number), temporary, ownerText(false))) continue
    if (lastOwner(root).number === number) {
      for (const older of ownerNumbers(root)) if (older < number) rmSync(fileOf(root, older), { force: true })
      return keepOwnership(fileOf(root, number), temporary)
    }
    // A process that took over later has already removed the file that was seen here as the last one.
    rmSync(fileOf(root, number), { force: true })
  }
  throw new SessionError('store-unavailable', `file: too many processes want the directory ${root} at once`)
}

function keepOwnership(path: string, temporary: string): Ownership {
  let isHeld = true
  const beat = setInterval(() => {
    isHeld = isHeld && showLife(path)
    if (!isHeld) clearInterval(beat)
  }, BEAT_MS)
  beat.unref()
  return {
    isHeld: () => isHeld,
    release() {
      clearInterval(beat)
      // Kept and marked: were it removed, a process that had read the number before could take it as well.
      if (isHeld && existsSync(path)) replaceFile(path, temporary, ownerText(true))
      isHeld = false
    },
  }
}

function showLife(path: string): boolean {
  try {
    const seconds = Date.now() / 1000
    utimesSync(path, seconds, seconds)
    return true
  } catch (error) {
    return codeOf(error) !== 'ENOENT'
  }
}

function inUse(root: string, { number, owner }: LastOwner): SessionError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`
  return new SessionError(
    'store-unavailable',
    `file: the directory ${root} is in use by ${who}; one process owns a directory of fileStore, ` +
      "so use sqliteStore ('sojourn/stores/sqlite') to share sessions between processes, " +
      `or end that process (if it is surely gone, delete ${fileOf(root, number)})`,
  )
}

interface LastOwner {
  readonly number: number
  readonly owner: Owner | undefined
}

function lastOwner(root: string): LastOwner {
  const number = Math.max(0, ...ownerNumbers(root))
  return { number, owner: number === 0 ? undefined : readOwner(fileOf(root, number)) }
}

function ownerNumbers(root: string): readonly number[] {
  return readdirSync(root).flatMap((name) => {
    const digits = /^owner-(\d{1,15})\.json$/.exec(name)?.[1]
    return digits === undefined ? [] : [Number(digits)]
  })
}

function fileOf(root: string, number: number): string {
  return join(root, `owner-${number}.json`)
}

/** Undefined when it is not there or damaged: nobody who lives has such a file. */
function readOwner(path: string): Owner | undefined {
  try {
    const fields = parseObject(readFileSync(path, 'utf8'))
    return {
      pid: numberOf(fields, 'pid'),
      host: stringOf(fields, 'host'),
      start: stringOf(fields, 'start'),
      isReleased: fields['isReleased'] === true,
    }
  } catch {
    return undefined
  }
}

function ownerText(isReleased: boolean): string {
  const owner: Owner = { pid: process.pid, host: hostname(), start: startOf(process.pid) ?? '', isReleased }
  return JSON.stringify(owner)
}

function isGone(owner: Owner, path: string): boolean {
  if (owner.isReleased) return true
  if (owner.host !== hostname()) return Date.now() - (modifiedAt(path) ?? 0) > DEAD_AFTER_MS
  if (!isRunning(owner.pid)) return true
  const start = startOf(owner.pid)
  return start !== undefined && owner.start !== '' && start !== owner.start
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Only ESRCH says that nobody is there; EPERM speaks of somebody else's process.
    return codeOf(error) !== 'ESRCH'
  }
}

/** Boot and start time of a process on Linux; `dead` for one that was killed and not yet collected by its parent. */
function startOf(pid: number): string | undefined {
  try {
    // The name of the program stands in parentheses and may contain anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return 'dead'
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19] ?? ''}`
  } catch {
    return undefined
  }
}

function modifiedAt(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs
  } catch {
    return undefined
  }
}

/** False when the file is already there. It appears with its whole content, or not at all. */
function createOnce(path: string, temporary: string, text: string): boolean {
  const from = join(temporary, `owner-${randomBytes(8).toString('hex')}`)
  writeFileSync(from, text, { flag: 'wx', mode: FILE_MODE })
  try {
    linkSync(from, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    return createInPlace(path, text)
  } finally {
    rmSync(from, { force: true })
  }
}

/** For file systems without hard links. */
function createInPlace(path: string, text: string): boolean {
  try {
    const file = openSync(path, 'wx', FILE_MODE)
    try {
      writeFileSync(file, text)
    } finally {
      closeSync(file)
    }
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function replaceFile(path: string, temporary: string, text: string): void {
  const from = join(temporary, `owner-${randomBytes(8).toString('hex')}`)
  writeFileSync(from, text, { flag: 'wx', mode: FILE_MODE })
  renameSync(from, path)
}
