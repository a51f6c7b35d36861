// Classes, which this package has nowhere else: stores are made by subclassing in the original, and so they are here.
import type { Clock } from '../../../core/clock.ts'
import { checkNames } from '../../../core/options.ts'
import type { Store as EngineStore } from '../../../core/store.ts'
import { fileStore } from '../../../stores/file.ts'
import type { MemoryStoreOptions } from '../../../stores/memory.ts'
import { memoryStore } from '../../../stores/memory.ts'
import { keyedStore } from '../shared/keyed-store.ts'
import { queued } from '../shared/queued.ts'

/** What a store is given for a session, and gives back unchanged: a dictionary that JSON can hold. */
export type StoredSession = Readonly<Record<string, unknown>>

/** What `new Session` takes as its store. */
export interface SessionStorage {
  /**
   * The store as the engine calls it.
   * @param timeout seconds without use after which a session is over.
   */
  open(now: Clock, timeout: number): EngineStore
}

/**
 * For a store of your own: five methods, which may return promises. They are called one after the other for each key,
 * in this process. Several processes on one such store can lose each other's changes, or bring back what was ended;
 * they need a store that compares and writes in one step: `DBStore`, or one of `sojourn/stores`.
 */
export abstract class Store implements SessionStorage {
  /** The time, in milliseconds, once the store is in use. */
  protected now: Clock = Date.now

  /** Whether there is something under the key. */
  abstract contains(key: string): boolean | Promise<boolean>
  /** What is under the key. Asked for only when there is something. */
  abstract get(key: string): StoredSession | Promise<StoredSession>
  /** Puts the session under the key, whatever was there, and notes the time. */
  abstract set(key: string, value: StoredSession): void | Promise<void>
  /** Removes what is under the key, if anything. */
  abstract delete(key: string): void | Promise<void>
  /** Removes what was not set for longer than `timeout` seconds. A number that it gives back is how many. */
  abstract cleanup(timeout: number): number | void | Promise<number | void>

  /** The text of a session, for stores that keep texts. */
  encode(value: StoredSession): string {
    return JSON.stringify(value)
  }

  /** The session of a text; empty for a text that is damaged. */
  decode(text: string): StoredSession {
    try {
      const value: unknown = JSON.parse(text)
      return typeof value === 'object' && value !== null ? { ...value } : {}
    } catch {
      return {}
    }
  }

  open(now: Clock, timeout: number): EngineStore {
    for (const method of ['contains', 'get', 'set', 'delete', 'cleanup'] as const) {
      // The compiler says so where there is one.
      if (typeof this[method] !== 'function')
        throw new TypeError(`${this.constructor.name}: the method ${method} is missing`)
    }
    this.now = now
    const atomically = queued({
      read: async (key) => ((await this.contains(key)) ? this.get(key) : undefined),
      write: (key, entry) => this.set(key, { ...entry }),
      remove: (key) => this.delete(key),
    })
    return Object.assign(keyedStore(this.constructor.name, atomically, now), {
      sweep: async () => {
        const removed = await this.cleanup(timeout)
        return { removed: removed ?? 0, isDone: true }
      },
    })
  }
}

/** Sessions in files of this directory, one for each; it is made if it is missing. One process owns it. */
export class DiskStore implements SessionStorage {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  open(now: Clock): EngineStore {
    return fileStore({ directory: this.#directory, now })
  }
}

/** Sessions in this process's memory. In production that must be asked for. */
export class MemoryStore implements SessionStorage {
  readonly #options: MemoryStoreOptions

  constructor(options: MemoryStoreOptions = {}) {
    checkNames('MemoryStore', options, ['maxEntries', 'evict', 'allowInProduction', 'now'])
    this.#options = options
  }

  open(now: Clock): EngineStore {
    return memoryStore({ now, ...this.#options })
  }
}

/** A persistent dictionary, or any `Map`. */
export interface Shelf {
  /** Whether there is something under the key. */
  has(key: string): boolean
  /** What is under the key. */
  get(key: string): unknown
  /** Puts a value under the key: a list of a number and a text. */
  set(key: string, value: unknown): unknown
  /** Removes what is under the key. */
  delete(key: string): unknown
  /** All keys. */
  keys(): Iterable<string>
}

/** Sessions on a shelf, each with the time at which it was put there. */
export class ShelfStore extends Store {
  readonly #shelf: Shelf

  /** @throws TypeError for what is no shelf. */
  constructor(shelf: Shelf) {
    super()
    if (typeof shelf?.keys !== 'function') throw new TypeError('ShelfStore: expected a shelf, such as new Map()')
    this.#shelf = shelf
  }

  contains(key: string): boolean {
    return this.#shelf.has(key)
  }

  get(key: string): StoredSession {
    const value: unknown = this.#shelf.get(key)
    return Array.isArray(value) && typeof value[1] === 'string' ? this.decode(value[1]) : {}
  }

  set(key: string, value: StoredSession): void {
    this.#shelf.set(key, [this.now(), this.encode(value)])
  }

  delete(key: string): void {
    this.#shelf.delete(key)
  }

  cleanup(timeout: number): number {
    const stale = Array.from(this.#shelf.keys()).filter((key) => {
      const value: unknown = this.#shelf.get(key)
      const atime: unknown = Array.isArray(value) ? value[0] : undefined
      return typeof atime !== 'number' || this.now() - atime > timeout * 1000
    })
    for (const key of stale) this.#shelf.delete(key)
    return stale.length
  }
}
