import { utf8Length } from '#platform'
import type { Codec } from './codec.ts'
import { SessionError } from '../errors.ts'
import { damagedError } from '../record.ts'
import { replaceContents } from './in-place.ts'
import { mergeData, mergeQueue } from './merge.ts'
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
}

/** The content of a session in memory. */
export interface Content<Data> {
  readonly data: Data
  flashes: Flash[]
}

/** A copy of the content, and the text that it was made from. */
export interface Draft<Data> {
  readonly content: Content<Data>
  readonly basis: string
}

/** Session data between store and application: decoded when first touched, and compared only if it was decoded. */
export interface Document<Data> {
  /** Whether the application has seen the data. */
  readonly isOpen: boolean
  readonly content: Content<Data>
  /** The text to store, of the draft if one is given; the loaded text when the data was never touched. */
  encode(maxBytes: number, draft?: Content<Data>): string
  /** Whether `text` differs from what the store holds. */
  differs(text: string): boolean
  /** A private copy of the content, to work on. */
  draft(): Draft<Data>
  /** Whether the content is still what the draft was made from. */
  isBasisOf(draft: Draft<Data>): boolean
  /** The draft, encoded as `text`, takes the place of the content; what was changed here since `isBasisOf` stays. */
  absorb(draft: Draft<Data>, text: string): void
  /** The store now holds `text`. */
  settle(text: string): void
  /** The document now holds what the store holds, or without `text` the initial data; nothing of what it held before. */
  reset(text?: string): void
  /** Applies what was changed here to what another request stored; the paths both changed are returned. */
  rebase(theirs: string): readonly string[]
}

/** Flash messages travel inside the document under this key, which the application's data cannot have. */
const FLASHES = '$flash'

/** A document that the store holds as `stored`, or a new one that begins with the initial data. */
export function openDocument<Data extends object>(rules: DocumentRules<Data>, stored?: string): Document<Data> {
  return new StoredDocument(rules, stored)
}

// A class, because an object literal with accessors costs V8 a hidden class at each request.
class StoredDocument<Data extends object> implements Document<Data> {
  readonly #rules: DocumentRules<Data>
  /** The text in the store. */
  #base: string | undefined
  /** Since it was touched. */
  #content: Content<Data> | undefined

  constructor(rules: DocumentRules<Data>, stored: string | undefined) {
    this.#rules = rules
    this.#base = stored
  }

  get isOpen(): boolean {
    return this.#content !== undefined
  }

  // `initial` is called once for each new session, and each gets a copy, even if the function gives one object always.
  get content(): Content<Data> {
    this.#base ??= write(this.#rules, { data: this.#rules.initial(), flashes: [] })
    return (this.#content ??= read(this.#rules, this.#base))
  }

  encode(maxBytes: number, draft?: Content<Data>): string {
    if (draft === undefined && !this.isOpen && this.#base !== undefined) return this.#base
    const text = write(this.#rules, draft ?? this.content)
    const bytes = utf8Length(text)
    if (bytes <= maxBytes) return text
    throw new SessionError('too-large', `session data: ${bytes} bytes encoded, over the limit of ${maxBytes}`)
  }

  differs(text: string): boolean {
    return text !== this.#base
  }

  draft(): Draft<Data> {
    const basis = this.#text()
    return { content: read(this.#rules, basis), basis }
  }

  isBasisOf({ basis }: Draft<Data>): boolean {
    return this.#text() === basis
  }

  absorb({ content, basis }: Draft<Data>, text: string): void {
    const present = this.#text()
    this.#replace(present === basis ? content : merged(this.#rules, basis, present, text).content)
  }

  settle(text: string): void {
    this.#base = text
  }

  // The application may hold the object, so the next session's data go into the same one.
  reset(text?: string): void {
    const before = this.#content
    this.#base = text
    this.#content = undefined
    if (before === undefined) return
    const next = this.content
    this.#content = before
    this.#replace(next)
  }

  rebase(theirs: string): readonly string[] {
    const base = this.#base
    this.#base = theirs
    if (!this.isOpen || base === undefined) return []
    const { content, clashes } = merged(this.#rules, base, this.#text(), theirs)
    this.#replace(content)
    return clashes
  }

  #text(): string {
    return write(this.#rules, this.content)
  }

  #replace(next: Content<Data>): void {
    const { content } = this
    replaceContents(content.data, next.data)
    content.flashes = next.flashes
  }
}

function read<Data extends object>(rules: DocumentRules<Data>, text: string): Content<Data> {
  const content = split<Data>(decoded(rules.codec, text))
  return { ...content, data: validated<Data>(rules.schema, content.data, 'undecodable') }
}

/** The texts of what both sides began with, what this request holds, and what was stored instead. */
function merged<Data extends object>(
  rules: DocumentRules<Data>,
  base: string,
  mine: string,
  theirs: string,
): { readonly content: Content<Data>; readonly clashes: readonly string[] } {
  const { codec } = rules
  const isEqual = (a: unknown, b: unknown): boolean => codec.encode(a) === codec.encode(b)
  const parsed = (text: string): Content<Data> => split<Data>(decoded(codec, text))
  const [before, here, there] = [parsed(base), parsed(mine), parsed(theirs)]
  const { value, clashes } = mergeData(before.data, here.data, there.data, isEqual)
  const flashes = mergeQueue(before.flashes, here.flashes, there.flashes)
  return { content: { ...split<Data>(value), flashes: [...flashes] }, clashes }
}

function decoded(codec: Codec, text: string): unknown {
  try {
    return codec.decode(text)
  } catch (cause) {
    throw damagedError(cause)
  }
}

function write<Data extends object>(rules: DocumentRules<Data>, content: Content<Data>): string {
  validated(rules.schema, content.data, 'invalid-data')
  if (Object.hasOwn(content.data, FLASHES)) {
    throw new SessionError(
      'not-encodable',
      `session data: data.${FLASHES} is for flash messages; call flash`,
    )
  }
  return rules.codec.encode(
    content.flashes.length === 0 ? content.data : { ...content.data, [FLASHES]: content.flashes },
  )
}

/** The one place where stored, untyped data gets the application's type; with a schema it has been checked. */
function split<Data extends object>(value: unknown): Content<Data> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw damagedError()
  }
  const found: unknown = Object.hasOwn(value, FLASHES) ? Reflect.get(value, FLASHES) : undefined
  if (found !== undefined) Reflect.deleteProperty(value, FLASHES)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by the schema, or the application's word
  return { data: value as Data, flashes: Array.isArray(found) ? found.filter(isFlash) : [] }
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
