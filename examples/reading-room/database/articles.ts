import type { Database } from './database.ts'
import { inTransaction } from './database.ts'
import type { Row } from './rows.ts'
import { numberIn, optionalNumberIn, textIn } from './rows.ts'

export interface Article {
  readonly id: number
  readonly slug: string
  readonly topic: string
  readonly title: string
  readonly summary: string
  readonly body: string
  readonly authorId: number
  readonly authorName: string
  readonly publishedAt: number
  readonly editedAt: number | undefined
}

/** What an author writes. */
export interface Draft {
  readonly topic: string
  readonly title: string
  readonly summary: string
  readonly body: string
}

const SELECT = `
  SELECT articles.*, users.name AS author_name
  FROM articles JOIN users ON users.id = articles.author_id`
const NEWEST = `${SELECT} ORDER BY published_at DESC, articles.id DESC LIMIT ?`
const BY_TOPIC = `${SELECT} WHERE topic = ? ORDER BY published_at DESC, articles.id DESC LIMIT ?`
const BY_AUTHOR = `${SELECT} WHERE author_id = ? ORDER BY published_at DESC, articles.id DESC LIMIT ?`
const BY_SLUG = `${SELECT} WHERE slug = ?`
const TOPICS = 'SELECT topic, count(*) AS articles FROM articles GROUP BY topic ORDER BY topic'
const SLUG_TAKEN = 'SELECT 1 FROM articles WHERE slug = ?'
const ADD = `
  INSERT INTO articles (slug, topic, title, summary, body, author_id, published_at)
  VALUES (?, ?, ?, ?, ?, ?, ?)`
// The author stands in the condition: whoever else sends the form changes nothing.
const EDIT = `
  UPDATE articles SET topic = ?, title = ?, summary = ?, body = ?, edited_at = ?
  WHERE slug = ? AND author_id = ?`

const PAGE_SIZE = 50

export function newestArticles(db: Database, limit = PAGE_SIZE): readonly Article[] {
  return db.prepare(NEWEST).all(limit).map(asArticle)
}

export function articlesOn(db: Database, topic: string): readonly Article[] {
  return db.prepare(BY_TOPIC).all(topic, PAGE_SIZE).map(asArticle)
}

export function articlesBy(db: Database, authorId: number): readonly Article[] {
  return db.prepare(BY_AUTHOR).all(authorId, PAGE_SIZE).map(asArticle)
}

export function articleNamed(db: Database, slug: string): Article | undefined {
  const row = db.prepare(BY_SLUG).get(slug)
  return row === undefined ? undefined : asArticle(row)
}

/** Every topic that has an article, with the number of its articles. */
export function topics(db: Database): readonly { readonly name: string; readonly articles: number }[] {
  return db
    .prepare(TOPICS)
    .all()
    .map((row) => ({ name: textIn(row, 'topic'), articles: numberIn(row, 'articles') }))
}

/** Returns the slug under which the new article is found. */
export function publish(db: Database, authorId: number, draft: Draft): string {
  return inTransaction(db, () => {
    const slug = freeSlug(db, draft.title)
    db.prepare(ADD).run(slug, draft.topic, draft.title, draft.summary, draft.body, authorId, Date.now())
    return slug
  })
}

/** False when the author has no article of that name. The slug stays, so that links keep working. */
export function edit(db: Database, authorId: number, slug: string, draft: Draft): boolean {
  const { topic, title, summary, body } = draft
  return db.prepare(EDIT).run(topic, title, summary, body, Date.now(), slug, authorId).changes === 1
}

function freeSlug(db: Database, title: string): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .match(/[a-z0-9]+/g)
  const stem = words?.join('-').slice(0, 60).replace(/-$/, '') ?? 'article'
  const isTaken = db.prepare(SLUG_TAKEN)
  // The form for a new article lives at /articles/new.
  if (stem !== 'new' && isTaken.get(stem) === undefined) return stem
  let number = 2
  while (isTaken.get(`${stem}-${number}`) !== undefined) number++
  return `${stem}-${number}`
}

function asArticle(row: Row): Article {
  return {
    id: numberIn(row, 'id'),
    slug: textIn(row, 'slug'),
    topic: textIn(row, 'topic'),
    title: textIn(row, 'title'),
    summary: textIn(row, 'summary'),
    body: textIn(row, 'body'),
    authorId: numberIn(row, 'author_id'),
    authorName: textIn(row, 'author_name'),
    publishedAt: numberIn(row, 'published_at'),
    editedAt: optionalNumberIn(row, 'edited_at'),
  }
}
