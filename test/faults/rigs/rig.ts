import type { Window } from '../history.ts'
import type { StoreSetting } from '../open-store.ts'
import type { Proxy } from '../proxy.ts'

/** Something that is done to a backend while it is used. */
export interface Blow {
  readonly name: string
  /** How often in a whole campaign; the short one has each at least once. */
  readonly times: number
  /** Resolves when all is in order again, with the window of announced loss if there was one. */
  strike(): Promise<{ readonly since: number; readonly loses: Window['loses'] } | void>
}

/** A backend under test, with its servers, the ways to them, and everything that can be done to them. */
export interface Rig {
  readonly store: string
  /** Names and versions of servers and clients. */
  readonly versions: readonly string[]
  /** For the application's process of this number; with `isNarrow` its pool holds one connection. */
  settingFor(member: number, isNarrow: boolean): StoreSetting
  /** Whether there is a pool to narrow. */
  readonly hasPool: boolean
  /** Whether a sign-in moves to another server in two steps. */
  readonly signsInByHops: boolean
  readonly proxies: readonly Proxy[]
  readonly blows: readonly Blow[]
  /** What could not be done here, to be said aloud. */
  readonly limitations: readonly string[]
  stop(): Promise<void>
}

export interface RigOptions {
  readonly random: () => number
  /** Milliseconds since the campaign began. */
  readonly clock: () => number
}
