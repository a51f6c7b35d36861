import { randomBytes, scryptSync } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

/** Somebody with an account. */
export interface Reader {
  readonly name: string
  readonly email: string
}

export const PASSWORD = 'correct horse battery staple'

/**
 * Gives accounts to many readers. The stored hash says what it cost, and these cost next to nothing: so the
 * application can sign in hundreds each second, and what is measured is the sessions.
 */
export function registerReaders(db: DatabaseSync, amount: number): readonly Reader[] {
  const salt = randomBytes(16)
  const hash = scryptSync(PASSWORD, salt, 32, { N: 2, r: 1, p: 1 })
  const stored = ['scrypt', 2, 1, 1, salt.toString('base64url'), hash.toString('base64url')].join('$')
  const readers = Array.from({ length: amount }, (_, index) => ({
    name: `Reader ${index}`,
    email: `reader${index}@example.org`,
  }))
  const add = db.prepare('INSERT INTO users (email, name, password_hash) VALUES (?, ?, ?)')
  db.exec('BEGIN')
  for (const { email, name } of readers) add.run(email, name, stored)
  db.exec('COMMIT')
  return readers
}

export function productIds(db: DatabaseSync): readonly string[] {
  return db
    .prepare('SELECT id FROM products')
    .all()
    .map(({ id }) => String(id))
}
