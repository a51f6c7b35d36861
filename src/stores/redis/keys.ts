import type { StoreKey } from '../../core/key.ts'
import { isStoreKey, partitionOfKey, partitionOfSubject } from '../../core/key.ts'

/** How the store names what it keeps. Nothing else in the package knows these names, but the scripts. */
export interface Names {
  /** Where the record of a session lies: `<prefix>{tag}<rest>`. In a Cluster, the tag decides on the slot. */
  recordKey(key: StoreKey): string
  /** Where the epoch of the sessions under this key or of this subject lies. */
  epochKey(tag: string): string
  /** All epochs, to be changed when everything ends. */
  readonly epochKeys: () => readonly string[]
  /** What the indexes of the subjects of this tag begin with. */
  indexBase(tag: string): string
  /** Where endings are told. */
  readonly channel: string
  /** What SCAN looks for: records and marks. */
  readonly pattern: string
  /** Holds the newest epoch; in a Cluster it is written by `clear` alone. */
  readonly generationKey: string
  /** Holds the epoch of which a sweep has removed all that came before. */
  readonly sweptKey: string
  /** The session's key in the name of a record; undefined for any other name. */
  storeKeyIn(name: string): StoreKey | undefined
  /** The session's key in a notice. */
  storeKeyOf(told: string): StoreKey | undefined
}

// Two of the 18 bits' three characters: 4096 tags over 16,384 slots. One would leave most slots empty, three would make
// `clear` 262,144 writes.
const TAG_LENGTH = 2
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const KEY_HEAD = 's1.'

/** The tag that all sessions of a subject share. */
export function tagOfSubject(subject: string): string {
  return partitionOfSubject(subject).slice(0, TAG_LENGTH)
}

/** The tag of a session. */
export function tagOfKey(key: StoreKey): string {
  return partitionOfKey(key).slice(0, TAG_LENGTH)
}

/**
 * @param prefix before every name. @param hasSlots whether the epoch is kept once for each tag: in a Cluster, a script
 * reaches one slot only.
 */
export function createNames(prefix: string, { hasSlots }: { readonly hasSlots: boolean }): Names {
  const single = `${prefix}{epoch}`
  const asStoreKey = (told: string): StoreKey | undefined => {
    const key = KEY_HEAD + told
    return isStoreKey(key) ? key : undefined
  }
  return {
    recordKey: (key) => `${prefix}{${key.slice(3, 5)}}${key.slice(5)}`,
    epochKey: hasSlots ? (tag) => `${prefix}{${tag}}:epoch` : () => single,
    epochKeys: () => (hasSlots ? everyTag().map((tag) => `${prefix}{${tag}}:epoch`) : [single]),
    indexBase: (tag) => `${prefix}{${tag}}:u:`,
    channel: `${prefix}endings`,
    pattern: `${prefix}{??}?.*`,
    generationKey: single,
    sweptKey: `${prefix}{swept}`,
    storeKeyIn: (name) =>
      asStoreKey(name.slice(prefix.length + 1, prefix.length + 3) + name.slice(prefix.length + TAG_LENGTH + 2)),
    storeKeyOf: asStoreKey,
  }
}

function everyTag(): readonly string[] {
  const letters = ALPHABET.split('')
  return letters.flatMap((a) => letters.map((b) => a + b))
}
