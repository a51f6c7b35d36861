import type { Codec } from './codec.ts'
import { SessionError, isSessionError } from '../errors.ts'
import { damagedError } from '../record.ts'
import type { StandardSchema } from './schema.ts'

/** A message kept for the next page. */
export interface Flash {
  readonly kind: string
  readonly message: string
}

/** How session data is made, checked and turned into text. */
export interface DocumentRules<Data> {
  readonly codec: Codec
  readonly schema: StandardSchema | undefined
  readonly initial: () => Data
  /** Makes data of what the codec or the schema refuses. */
  readonly migrate: ((stored: unknown) => Data) | undefined
}

/** The content of a session in memory. */
export interface Content<Data> {
  readonly data: Data
  flashes: Flash[]
}

/** What stands in for stored data that this application cannot read, and why it cannot. */
export interface StandIn {
  readonly data: 'initial' | 'migrated'
  readonly error: unknown
}

/** What a stored text has come to. */
export interface Reading<Data> {
  readonly content: Content<Data>
  /** The text that the content was made from: the stored one, but where something stands in for that. */
  readonly basis: string
  readonly standIn?: StandIn
}

/** Flash messages travel inside the document under this key, which the application's data cannot have. */
const FLASHES = '$flash'

/** Reads a text that perhaps another version of the application has written: data that do not fit begin anew. */
export function readStored<Data extends object>(rules: DocumentRules<Data>, text: string): Reading<Data> {
  try {
    return { content: readContent(rules, text), basis: text }
  } catch (error) {
    if (!isUndecodable(error)) throw error
    return standInFor(rules, text, error)
  }
}

/** The content of a text. @throws SessionError `undecodable` when the codec or the schema refuses it. */
export function readContent<Data extends object>(rules: DocumentRules<Data>, text: string): Content<Data> {
  const content = parseContent<Data>(rules.codec, text)
  return { ...content, data: validated<Data>(rules.schema, content.data, 'undecodable') }
}

/** The same as the codec gives it, without the schema's word on it. */
export function parseContent<Data extends object>(codec: Codec, text: string): Content<Data> {
  return splitContent<Data>(decoded(codec, text))
}

/** The text to store. @throws SessionError `invalid-data` or what the codec throws. */
export function writeContent<Data extends object>(rules: DocumentRules<Data>, content: Content<Data>): string {
  validated(rules.schema, content.data, 'invalid-data')
  if (Object.hasOwn(content.data, FLASHES)) {
    throw new SessionError('not-encodable', `session data: data.${FLASHES} is for flash messages; call flash`)
  }
  return rules.codec.encode(
    content.flashes.length === 0 ? content.data : { ...content.data, [FLASHES]: content.flashes },
  )
}

/** The one place where stored, untyped data gets the application's type; with a schema it is checked afterwards. */
export function splitContent<Data extends object>(value: unknown): Content<Data> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw damagedError()
  }
  const found: unknown = Object.hasOwn(value, FLASHES) ? Reflect.get(value, FLASHES) : undefined
  if (found !== undefined) Reflect.deleteProperty(value, FLASHES)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by the schema, or the application's word
  return { data: value as Data, flashes: Array.isArray(found) ? found.filter(isFlash) : [] }
}

// The application's own answer first. What it throws must not make a page fail whose visitor can be known.
function standInFor<Data extends object>(rules: DocumentRules<Data>, text: string, error: unknown): Reading<Data> {
  const { stored, flashes } = legible(rules.codec, text)
  const { initial, migrate } = rules
  const reading = (data: Data, standIn: StandIn): Reading<Data> => {
    const basis = writeContent(rules, { data, flashes })
    return { content: readContent(rules, basis), basis, standIn }
  }
  if (migrate === undefined) return reading(initial(), { data: 'initial', error })
  try {
    return reading(migrate(stored), { data: 'migrated', error })
  } catch (cause) {
    return reading(initial(), { data: 'initial', error: cause })
  }
}

/** What can be made of a text without the schema: the data as the codec gives them, or else the text itself. */
function legible(codec: Codec, text: string): { readonly stored: unknown; readonly flashes: Flash[] } {
  try {
    const { data, flashes } = parseContent(codec, text)
    return { stored: data, flashes }
  } catch {
    return { stored: text, flashes: [] }
  }
}

/** The data as the schema gives them; as they are where it refuses them, which is then an error of the next save. */
export function shapedData<Data extends object>(rules: DocumentRules<Data>, data: Data): Data {
  try {
    return validated(rules.schema, data, 'undecodable')
  } catch (error) {
    if (isUndecodable(error)) return data
    throw error
  }
}

function decoded(codec: Codec, text: string): unknown {
  try {
    return codec.decode(text)
  } catch (cause) {
    throw damagedError(cause)
  }
}

function isUndecodable(error: unknown): boolean {
  return isSessionError(error) && error.code === 'undecodable'
}

function isFlash(value: unknown): value is Flash {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('message' in value)) return false
  return typeof value.kind === 'string' && typeof value.message === 'string'
}

function validated<Data extends object>(
  schema: StandardSchema | undefined,
  data: Data,
  code: 'undecodable' | 'invalid-data',
): Data {
  const result = schema?.['~standard'].validate(data)
  if (result === undefined) return data
  if (result instanceof Promise) throw new TypeError('schema: it must validate synchronously')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a schema for `Data` gives `Data`
  if (result.issues === undefined) return code === 'undecodable' ? (result.value as Data) : data
  const at = (result.issues[0]?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  throw new SessionError(code, `session data: ${at === '' ? 'data' : `data.${at}`} does not fit the schema`)
}
