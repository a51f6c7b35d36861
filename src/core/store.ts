import type { StoreKey } from './key.ts'

/**
 * What a store keeps for one session. `meta` and `data` are opaque text; the store returns them unchanged.
 * All instants are epoch milliseconds.
 */
export interface SessionRecord {
  readonly state: 'live'
  /** 1 when inserted, one more at each `update` and `rotate`. `touch` leaves it alone. */
  readonly version: number
  /** Public name of the session in lists; opens nothing. Unique, and the same through periodic rotation. */
  readonly handle: string
  /**
   * The user the session belongs to. Changes only through `insert` and `rotate`, never through `update`. A record with a
   * subject lies under a key of the subject's partition (`partitionOfSubject`), as do the keys it is rotated to.
   */
  readonly subject?: string
  readonly createdAt: number
  /** Last activity that was written down. */
  readonly seenAt: number
  /** The record is absent from this instant on (`expiresAt <= now`). */
  readonly expiresAt: number
  /** The engine's own facts (authentication, binding). */
  readonly meta: string
  /** The application's data, encoded. */
  readonly data: string
}

/**
 * A short-lived mark under an old key.
 * `moved`: the session lives on under `to` (periodic rotation with grace).
 * `dead`: the token was replaced or ended; whoever presents it gets nothing.
 */
export type Tombstone =
  | { readonly state: 'moved'; readonly to: StoreKey; readonly expiresAt: number }
  | { readonly state: 'dead'; readonly expiresAt: number }

/** How many live sessions one subject may have, applied in the same atomic step as the insertion. */
export interface SubjectCap {
  readonly max: number
  /** `evict-oldest` ends the sessions with the smallest `createdAt`; `reject` refuses the new one. */
  readonly onLimit: 'evict-oldest' | 'reject'
}

/** `evicted` holds the handles of the sessions that the cap ended. */
export type InsertResult =
  | { readonly outcome: 'inserted'; readonly evicted: readonly string[] }
  | { readonly outcome: 'exists' }
  | { readonly outcome: 'limit' }

/** `gone` carries the mark that lies under the key, if there is one. */
export type UpdateResult =
  | { readonly outcome: 'updated' }
  | { readonly outcome: 'conflict'; readonly current: SessionRecord }
  | { readonly outcome: 'gone'; readonly tombstone?: Tombstone }

/** As {@link UpdateResult}; `exists` when the new key is taken, `limit` when the cap rejects. */
export type RotateResult =
  | { readonly outcome: 'rotated'; readonly evicted: readonly string[] }
  | { readonly outcome: 'conflict'; readonly current: SessionRecord }
  | { readonly outcome: 'gone'; readonly tombstone?: Tombstone }
  | { readonly outcome: 'exists' }
  | { readonly outcome: 'limit' }

/**
 * Where records live. **Each method is one atomic step, and there is no upsert.**
 * A miss is a value; a rejected promise always means that the backend failed.
 * Records handed in and out are copies: changing one changes nothing stored.
 * `update`, `touch`, `rotate` and `delete` see an expired record as absent.
 */
export interface Store {
  /** Short name for error messages and events, such as `sqlite`. */
  readonly name: string
  /** The live record or the mark under the key; never one that has expired, even if no sweep ran. */
  get(key: StoreKey): Promise<SessionRecord | Tombstone | undefined>
  /** Stores the record if nothing live and no mark is under the key; never changes a live record. */
  insert(key: StoreKey, record: SessionRecord, cap?: SubjectCap): Promise<InsertResult>
  /** Replaces the live record if it is still at `version`; never inserts. Durability: may be the cheap one. */
  update(key: StoreKey, version: number, record: SessionRecord): Promise<UpdateResult>
  /** Moves the live record's `seenAt` and `expiresAt` forward, never back. False when there is no live record. */
  touch(key: StoreKey, seenAt: number, expiresAt: number): Promise<boolean>
  /**
   * The new record lives under `newKey`, and the old key is free or holds the tombstone, as one step.
   * A subject's cap does not count the record being replaced. Durable before it answers.
   */
  rotate(
    key: StoreKey,
    version: number,
    newKey: StoreKey,
    record: SessionRecord,
    options?: { readonly tombstone?: Tombstone; readonly cap?: SubjectCap },
  ): Promise<RotateResult>
  /**
   * Removes the live record, and leaves the tombstone only if there was one to remove.
   * True when a live record was removed; deleting nothing succeeds with false. Durable before it answers.
   */
  delete(key: StoreKey, tombstone?: Tombstone): Promise<boolean>
}

/** Capability: the store knows whose session each record is. All methods see live records only. */
export interface SubjectStore {
  /** The subject's live records, oldest `createdAt` first. */
  listBySubject(subject: string): Promise<readonly SessionRecord[]>
  /** How many live records the subject has. */
  countBySubject(subject: string): Promise<number>
  /** Ends the subject's session with that handle. False when the subject has no such session. */
  deleteByHandle(subject: string, handle: string): Promise<boolean>
  /** Ends all of the subject's sessions as one step, but the one with the handle `except`. Returns how many. */
  deleteBySubject(subject: string, except?: string): Promise<number>
}

/** Capability: end every session of the store as one step, at a cost that does not grow with their number. */
export interface ClearableStore {
  /** Ends every session; what is inserted afterwards lives. Durable before it answers. */
  clear(): Promise<void>
}

/** Capability: remove what has expired, in bounded batches. */
export interface SweepableStore {
  /** Removes at most `limit` expired records and marks. `isDone` when no expired one is left to find. */
  sweep(limit: number): Promise<{ readonly removed: number; readonly isDone: boolean }>
}

/** Capability: read all live records, page by page, without holding anything locked in between. */
export interface ScannableStore {
  /** Pages of live records with their keys, in no order; one that is there all the time is given once. */
  scan(options?: { readonly pageSize?: number }): AsyncIterable<readonly (readonly [StoreKey, SessionRecord])[]>
}

/** What a store tells its watchers. */
export type StoreNotice =
  /** The live record under this key was ended or rotated away, by whichever process. */
  | { readonly kind: 'ended'; readonly key: StoreKey }
  /** Every session was ended. */
  | { readonly kind: 'cleared' }
  /** Notices may have been missed: whatever was held because none came must be asked for again. */
  | { readonly kind: 'interrupted' }

/** Capability: hear of endings in other processes, soon and without asking; a notice may come twice. */
export interface WatchableStore {
  /**
   * Calls the listener for each ending from now on, those of this process included, until the returned function is
   * called. Rejects when the store cannot be reached; afterwards it connects again by itself.
   */
  watch(listener: (notice: StoreNotice) => void): Promise<() => Promise<void>>
}

/** Of how many milliseconds before an accident acknowledged writes may be lost; 0: of none. `Infinity`: of all. */
export interface LossWindow {
  /** The process that holds the data dies: the application for embedded stores, else the server. */
  readonly processCrash: number
  /** Its machine loses power. */
  readonly machineCrash: number
  /** The machine is gone for good, and a replica takes over. */
  readonly failover: number
}

/** What a store promises of what it has acknowledged. */
export interface Durability {
  /** Logins, rotations and endings: `insert` with a subject, `rotate`, `delete`, `deleteBy...`, `clear`. */
  readonly decisive: LossWindow
  /** Other insertions, and `update`. */
  readonly saves: LossWindow
  readonly touches: LossWindow
  /** The same in words, with the settings of the backend that it rests on. */
  readonly words: string
}

/** Capability: the store says what can be lost, and when. */
export interface DurableStore {
  readonly durability: Durability
}

/** Capability: the store holds files, handles or connections of its own that must be released. */
export interface ClosableStore {
  /** Lets running operations end, then releases what the store opened itself. */
  close(): Promise<void>
}

/** A store with every capability. */
export type CompleteStore = Store &
  SubjectStore &
  ClearableStore &
  SweepableStore &
  ScannableStore &
  WatchableStore &
  DurableStore &
  ClosableStore

/** Tells whether the store can list and end a subject's sessions. */
export function hasSubjects(store: Store): store is Store & SubjectStore {
  return 'listBySubject' in store
}

/** Tells whether the store can end every session in one step. */
export function isClearable(store: Store): store is Store & ClearableStore {
  return 'clear' in store
}

/** Tells whether the store wants to be swept. */
export function isSweepable(store: Store): store is Store & SweepableStore {
  return 'sweep' in store
}

/** Tells whether the store can be scanned. */
export function isScannable(store: Store): store is Store & ScannableStore {
  return 'scan' in store
}

/** Tells whether the store can be watched. */
export function isWatchable(store: Store): store is Store & WatchableStore {
  return 'watch' in store
}

/** Tells whether the store says what can be lost. */
export function isDurable(store: Store): store is Store & DurableStore {
  return 'durability' in store
}

/** Tells whether the store must be closed. */
export function isClosable(store: Store): store is Store & ClosableStore {
  return 'close' in store
}
