import { DatabaseSync } from 'node:sqlite'
import { articles, authors } from './seed-articles.ts'
import { products } from './seed-products.ts'

/** The application's own database: what must outlive a session. Sessions never live here. */
export type Database = DatabaseSync

const SCHEMA = `
  CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name          TEXT NOT NULL,
    password_hash TEXT
  ) STRICT;

  CREATE TABLE articles (
    id           INTEGER PRIMARY KEY,
    slug         TEXT NOT NULL UNIQUE,
    topic        TEXT NOT NULL,
    title        TEXT NOT NULL,
    summary      TEXT NOT NULL,
    body         TEXT NOT NULL,
    author_id    INTEGER NOT NULL REFERENCES users (id),
    published_at INTEGER NOT NULL,
    edited_at    INTEGER
  ) STRICT;
  CREATE INDEX articles_by_topic ON articles (topic, published_at);
  CREATE INDEX articles_by_author ON articles (author_id, published_at);

  CREATE TABLE products (
    id     TEXT PRIMARY KEY,
    kind   TEXT NOT NULL CHECK (kind IN ('book', 'cd')),
    title  TEXT NOT NULL,
    maker  TEXT NOT NULL,
    blurb  TEXT NOT NULL,
    price  INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE orders (
    number       TEXT PRIMARY KEY,
    checkout_key TEXT NOT NULL UNIQUE,
    user_id      INTEGER REFERENCES users (id),
    placed_at    INTEGER NOT NULL,
    address      TEXT NOT NULL,
    gift         TEXT NOT NULL,
    paid_with    TEXT NOT NULL
  ) STRICT;
  CREATE INDEX orders_by_user ON orders (user_id, placed_at);

  CREATE TABLE order_lines (
    order_number TEXT NOT NULL REFERENCES orders (number),
    product_id   TEXT NOT NULL REFERENCES products (id),
    quantity     INTEGER NOT NULL CHECK (quantity > 0),
    price        INTEGER NOT NULL,
    PRIMARY KEY (order_number, product_id)
  ) STRICT;
`

/** Opens the database, and fills a new one with its first articles and products. */
export function openDatabase(path: string): Database {
  const db = new DatabaseSync(path)
  db.exec('PRAGMA busy_timeout = 5000')
  patiently(() => db.exec('PRAGMA journal_mode = WAL'))
  db.exec('PRAGMA foreign_keys = ON')
  inTransaction(db, () => {
    if (isEmpty(db)) {
      db.exec(SCHEMA)
      seed(db)
    }
  })
  return db
}

/** Runs `fn` as one step: all of its writes happen, or none. Other processes wait for their turn. */
export function inTransaction<R>(db: Database, fn: () => R): R {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = fn()
    db.exec('COMMIT')
    return result
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}

function isEmpty(db: Database): boolean {
  return db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'users'`).get() === undefined
}

function seed(db: Database): void {
  // No password: nobody can sign in as one of the first authors.
  const addAuthor = db.prepare('INSERT INTO users (email, name) VALUES (?, ?)')
  for (const author of authors) addAuthor.run(author.email, author.name)

  const addArticle = db.prepare(`
    INSERT INTO articles (slug, topic, title, summary, body, author_id, published_at)
    VALUES (?, ?, ?, ?, ?, (SELECT id FROM users WHERE email = ?), ?)`)
  for (const article of articles) {
    const { slug, topic, title, summary, body, author, publishedAt } = article
    addArticle.run(slug, topic, title, summary, body.trim(), author, Date.parse(publishedAt))
  }

  const addProduct = db.prepare('INSERT INTO products (id, kind, title, maker, blurb, price) VALUES (?, ?, ?, ?, ?, ?)')
  for (const { id, kind, title, maker, blurb, price } of products) addProduct.run(id, kind, title, maker, blurb, price)
}

// Of two processes that start together one may be told that the file is locked: SQLite does not wait for this change.
function patiently(change: () => void): void {
  for (let attempts = 1; ; attempts++) {
    try {
      return change()
    } catch (error) {
      if (attempts === 50) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}
