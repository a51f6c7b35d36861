import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import type { Entry } from './entry.ts'
import { damaged, decodeEntry, encodeEntry, hashOf, numberOf, parseObject, stringOf } from './entry.ts'
import type { Shelf } from './shelf.ts'

/** A change of several files that happens as a whole: once its intent is on the disk, a crash only delays it. */
export type Intent = Rotation | Ending

/** `next` comes to life and the record under the hash `from` dies, if that is still at `version`. */
export interface Rotation {
  readonly kind: 'rotation'
  readonly from: string
  readonly version: number
  readonly subject: string | undefined
  readonly next: Entry & { readonly value: SessionRecord }
  readonly mark: (Entry & { readonly value: Tombstone }) | undefined
}

/** The records under these hashes die; all are sessions of the subject. */
export interface Ending {
  readonly kind: 'ending'
  readonly subject: string
  readonly hashes: readonly string[]
}

/**
 * Carries the intent out. The caller holds the locks.
 * Rejecting means that nothing was changed, or that the disk fails so badly that the next start must finish it.
 */
export async function carryOut(shelf: Shelf, intent: Intent): Promise<void> {
  const path = join(shelf.paths.intents, `${randomBytes(16).toString('hex')}.json`)
  try {
    await shelf.place(path, encodeIntent(intent), { isDurable: true })
    if (intent.kind === 'rotation') await rotate(shelf, intent)
    else await end(shelf, intent)
  } catch (error) {
    if (intent.kind === 'rotation') await takeBack(shelf, intent, path).catch(() => undefined)
    throw error
  }
  // Neither durable nor certain: whoever finds it again finds the old record dead, and does nothing.
  await shelf.disk.unlink(path).catch(() => false)
}

/** Finishes what a crash interrupted. Nothing else may run. */
export async function recover(shelf: Shelf): Promise<void> {
  const { files } = await shelf.disk.list(shelf.paths.intents)
  for (const name of files) {
    const path = join(shelf.paths.intents, name)
    const intent = decodeIntent((await shelf.disk.read(path)) ?? '')
    if (intent?.kind === 'rotation') await finishRotation(shelf, intent)
    if (intent?.kind === 'ending') await end(shelf, intent)
    await shelf.disk.unlink(path)
  }
}

async function rotate(shelf: Shelf, intent: Rotation): Promise<void> {
  await bringToLife(shelf, intent)
  await bury(shelf, intent)
}

/** The new record is durable before the old one dies: between the two the intent says which one will stay. */
async function bringToLife(shelf: Shelf, { next }: Rotation): Promise<void> {
  if (next.value.subject !== undefined) await shelf.addMarker(next.value.subject, hashOf(next.key), 'durable')
  await shelf.write(next, 'durable')
}

async function bury(shelf: Shelf, { from, mark, subject }: Rotation): Promise<void> {
  if (mark === undefined) await shelf.remove(from, 'durable')
  else await shelf.write(mark, 'durable')
  if (subject !== undefined) await shelf.removeMarker(subject, from).catch(() => undefined)
}

/**
 * Removes the intent last, and surely: the next start would carry out what the caller was told had failed.
 */
async function takeBack(shelf: Shelf, intent: Rotation, path: string): Promise<void> {
  if (!(await isUndone(shelf, intent))) return
  const { next } = intent
  const hash = hashOf(next.key)
  await shelf.remove(hash, 'durable')
  if (next.value.subject !== undefined) await shelf.removeMarker(next.value.subject, hash)
  await shelf.disk.unlink(path)
  await shelf.disk.syncFolder(shelf.paths.intents)
}

async function finishRotation(shelf: Shelf, intent: Rotation): Promise<void> {
  if (await isUndone(shelf, intent).catch(() => false)) await rotate(shelf, intent)
}

/**
 * The old record still at its version shows that the rotation has not ended. Otherwise it has, and the new session may
 * have been ended since: writing it once more would bring it back.
 */
async function isUndone(shelf: Shelf, { from, version }: Rotation): Promise<boolean> {
  const old = await shelf.read(from)
  return old?.value.state === 'live' && old.value.version === version
}

async function end(shelf: Shelf, { subject, hashes }: Ending): Promise<void> {
  for (const hash of hashes) {
    await shelf.remove(hash, 'durable')
    await shelf.removeMarker(subject, hash)
  }
}

function encodeIntent(intent: Intent): string {
  if (intent.kind === 'ending') return JSON.stringify(intent)
  const { next, mark, ...rest } = intent
  return JSON.stringify({ ...rest, next: encodeEntry(next), mark: mark && encodeEntry(mark) })
}

/** Undefined for what was never written whole: the change it speaks of had not begun. */
function decodeIntent(text: string): Intent | undefined {
  try {
    const fields = parseObject(text)
    return fields['kind'] === 'rotation' ? decodeRotation(fields) : decodeEnding(fields)
  } catch {
    return undefined
  }
}

function decodeRotation(fields: Readonly<Record<string, unknown>>): Rotation {
  const next = decodeEntry(stringOf(fields, 'next'))
  const mark = fields['mark'] === undefined ? undefined : decodeEntry(stringOf(fields, 'mark'))
  if (!holdsRecord(next) || (mark !== undefined && !holdsMark(mark))) throw damaged('is not a rotation')
  return {
    kind: 'rotation',
    from: stringOf(fields, 'from'),
    version: numberOf(fields, 'version'),
    subject: fields['subject'] === undefined ? undefined : stringOf(fields, 'subject'),
    next,
    mark,
  }
}

function decodeEnding(fields: Readonly<Record<string, unknown>>): Ending {
  const { hashes } = fields
  if (!Array.isArray(hashes)) throw damaged('is not an ending')
  return {
    kind: 'ending',
    subject: stringOf(fields, 'subject'),
    hashes: hashes.filter((hash) => typeof hash === 'string'),
  }
}

function holdsRecord(entry: Entry): entry is Rotation['next'] {
  return entry.value.state === 'live'
}

function holdsMark(entry: Entry): entry is NonNullable<Rotation['mark']> {
  return entry.value.state !== 'live'
}
