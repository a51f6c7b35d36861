import type { Database } from './database.ts'
import { hashPassword, isRightPassword } from './passwords.ts'
import type { Row } from './rows.ts'
import { numberIn, textIn } from './rows.ts'

export interface User {
  readonly id: number
  readonly email: string
  readonly name: string
}

const BY_ID = 'SELECT id, email, name FROM users WHERE id = ?'
const BY_EMAIL = 'SELECT id, email, name, password_hash FROM users WHERE email = ?'
const ADD = 'INSERT INTO users (email, name, password_hash) VALUES (?, ?, ?) ON CONFLICT (email) DO NOTHING'

/** The user whom a session's subject names, if there still is one. */
export function userOf(db: Database, subject: string | undefined): User | undefined {
  if (subject === undefined) return undefined
  const row = db.prepare(BY_ID).get(Number(subject))
  return row === undefined ? undefined : asUser(row)
}

/** Undefined when the address already has an account. */
export async function addUser(
  db: Database,
  user: { readonly email: string; readonly name: string; readonly password: string },
): Promise<User | undefined> {
  const hash = await hashPassword(user.password)
  const { changes, lastInsertRowid } = db.prepare(ADD).run(user.email, user.name, hash)
  return changes === 0 ? undefined : { id: Number(lastInsertRowid), email: user.email, name: user.name }
}

/** The user with this address and password; undefined does not tell which of the two was wrong. */
export async function userWithPassword(db: Database, email: string, password: string): Promise<User | undefined> {
  const row = db.prepare(BY_EMAIL).get(email)
  const hash = row?.['password_hash']
  const isRight = await isRightPassword(password, typeof hash === 'string' ? hash : undefined)
  return row !== undefined && isRight ? asUser(row) : undefined
}

function asUser(row: Row): User {
  return { id: numberIn(row, 'id'), email: textIn(row, 'email'), name: textIn(row, 'name') }
}
