import { utf8Length } from '#platform'
import type { Content, DocumentRules, StandIn } from './content.ts'
import { parseContent, readContent, readStored, shapedData, splitContent, writeContent } from './content.ts'
import { SessionError } from '../errors.ts'
import { replaceContents } from './in-place.ts'
import type { Appenders } from './merge.ts'
import { mergeData, mergeQueue } from './merge.ts'

/** A copy of the content, and the text that it was made from. */
export interface Draft<Data> {
  readonly content: Content<Data>
  readonly basis: string
}

/** What a content adds to a text that others have stored. */
export interface Fold {
  /** The text of the content itself; undefined when the application has not seen it. */
  readonly basis: string | undefined
  /** Both together. */
  readonly text: string
  /** The paths that both had changed. */
  readonly clashes: readonly string[]
}

/** Session data between store and application: decoded when first touched, and compared only if it was decoded. */
export interface Document<Data> {
  /** Whether the application has seen the data. */
  readonly isOpen: boolean
  /** Data that another version of the application stored and that do not fit are stood in for: {@link standIn}. */
  readonly content: Content<Data>
  /** Set when the content is not what the store holds, which stays there until the application changes something. */
  readonly standIn: StandIn | undefined
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
  /** What {@link rebase} would make of it, to store; the document stays as it is. */
  fold(theirs: string, maxBytes: number): Fold
  /**
   * The store now holds `text`, into which this content went as it was when its own text was `basis`: it is taken over, and
   * what was changed here since stays. Throws where that cannot be encoded, and changes nothing.
   */
  catchUp(basis: string | undefined, text: string): void
}

/** A document that the store holds as `stored`, or a new one that begins with the initial data. */
export function openDocument<Data extends object>(rules: DocumentRules<Data>, stored?: string): Document<Data> {
  return new StoredDocument(rules, stored)
}

// A class, because an object literal with accessors costs V8 a hidden class at each request.
class StoredDocument<Data extends object> implements Document<Data> {
  readonly #rules: DocumentRules<Data>
  /** The text that the content was made from: the one in the store, unless `#unread` is. */
  #base: string | undefined
  /** The text in the store, when something stands in for it. */
  #unread: string | undefined
  /** Since it was touched. */
  #content: Content<Data> | undefined
  #standIn: StandIn | undefined

  constructor(rules: DocumentRules<Data>, stored: string | undefined) {
    this.#rules = rules
    this.#base = stored
  }

  get isOpen(): boolean {
    return this.#content !== undefined
  }

  get content(): Content<Data> {
    return (this.#content ??= this.#opened())
  }

  get standIn(): StandIn | undefined {
    return this.#standIn
  }

  encode(maxBytes: number, draft?: Content<Data>): string {
    if (draft === undefined && !this.isOpen && this.#base !== undefined) return this.#base
    const text = writeContent(this.#rules, draft ?? this.content)
    // What cannot be read here may be good for another version of the application.
    if (draft === undefined && this.#unread !== undefined && text === this.#base) return this.#unread
    return within(maxBytes, text)
  }

  differs(text: string): boolean {
    return text !== this.#base && text !== this.#unread
  }

  draft(): Draft<Data> {
    const basis = this.#text()
    return { content: readContent(this.#rules, basis), basis }
  }

  isBasisOf({ basis }: Draft<Data>): boolean {
    return this.#text() === basis
  }

  absorb({ content, basis }: Draft<Data>, text: string): void {
    const present = this.#text()
    this.#replace(present === basis ? content : merged(this.#rules, [basis, present, text]).content)
  }

  settle(text: string): void {
    if (text === this.#unread) return
    this.#base = text
    this.#unread = undefined
  }

  // The application may hold the object, so the next session's data go into the same one.
  reset(text?: string): void {
    const before = this.#content
    this.#base = text
    this.#unread = undefined
    this.#content = undefined
    if (before === undefined) return
    const next = this.content
    this.#content = before
    this.#replace(next)
  }

  rebase(theirs: string): readonly string[] {
    const base = this.#base
    if (theirs === this.#unread) return []
    this.settle(theirs)
    if (!this.isOpen || base === undefined) return []
    const { content, clashes } = merged(this.#rules, [base, this.#text(), theirs])
    this.#replace(content)
    return clashes
  }

  fold(theirs: string, maxBytes: number): Fold {
    const base = this.#base
    if (!this.isOpen || base === undefined) return { basis: undefined, text: theirs, clashes: [] }
    const mine = this.#text()
    if (theirs === base || theirs === this.#unread) return { basis: mine, text: this.encode(maxBytes), clashes: [] }
    const { content, clashes } = merged(this.#rules, [base, mine, theirs])
    return { basis: mine, text: within(maxBytes, writeContent(this.#rules, content)), clashes }
  }

  catchUp(basis: string | undefined, text: string): void {
    const before = basis ?? this.#base
    if (this.isOpen && before !== undefined) {
      this.#replace(merged(this.#rules, [before, this.#text(), text], 'mine').content)
    }
    this.settle(text)
  }

  // `initial` is called once for each new session, and each gets a copy, even if the function gives one object always.
  #opened(): Content<Data> {
    const stored = (this.#base ??= writeContent(this.#rules, { data: this.#rules.initial(), flashes: [] }))
    const { content, basis, standIn } = readStored(this.#rules, stored)
    this.#base = basis
    this.#unread = standIn && stored
    this.#standIn = standIn
    return content
  }

  #text(): string {
    return writeContent(this.#rules, this.content)
  }

  #replace(next: Content<Data>): void {
    const { content } = this
    replaceContents(content.data, next.data)
    content.flashes = next.flashes
  }
}

function within(maxBytes: number, text: string): string {
  const bytes = utf8Length(text)
  if (bytes <= maxBytes) return text
  throw new SessionError('too-large', `session data: ${bytes} bytes encoded, over the limit of ${maxBytes}`)
}

/** The texts of what both sides began with, what this request holds, and what was stored instead. */
function merged<Data extends object>(
  rules: DocumentRules<Data>,
  [base, mine, theirs]: readonly [string, string, string],
  appenders?: Appenders,
): { readonly content: Content<Data>; readonly clashes: readonly string[] } {
  const { codec } = rules
  const isEqual = (a: unknown, b: unknown): boolean => codec.encode(a) === codec.encode(b)
  const parsed = (text: string): Content<Data> => parseContent<Data>(codec, text)
  const there = parsed(theirs)
  if (mine === base) return { content: { ...there, data: shapedData(rules, there.data) }, clashes: [] }
  const [before, here] = [parsed(base), parsed(mine)]
  const { value, clashes } = mergeData(before.data, here.data, there.data, isEqual, appenders)
  const flashes = mergeQueue(before.flashes, here.flashes, there.flashes)
  const data = shapedData(rules, splitContent<Data>(value).data)
  return { content: { data, flashes: [...flashes] }, clashes }
}
