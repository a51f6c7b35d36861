import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { ensureSchema } from './schema.ts'
import { forTable, MIGRATIONS, SCHEMA_VERSION, SQL } from './sql.ts'

const database = new DatabaseSync(':memory:')
ensureSchema(database, 'visits')

// The highest row number, and one value, come from the end of the tree without a scan.
const statements = Object.entries(SQL).filter(([name]) => name !== 'lastId')

it.each(statements)('DOS-17: no statement reads the whole table: %s', (_name, sql) => {
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${forTable(sql, 'visits')}`).all()
  const details = plan.map((row) => String(row['detail']))
  expect(details.filter((detail) => /SCAN visits\b/.test(detail))).toEqual([])
})

it('a subject is looked up, counted and listed in order by the index of subjects', () => {
  for (const name of ['countBySubject', 'listBySubject', 'oldestBySubject', 'countOthers', 'deleteByHandle'] as const) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${forTable(SQL[name], 'visits')}`).all()
    expect(plan.map((row) => String(row['detail'])).join('\n')).toContain('INDEX visits_subject (subject=?')
  }
})

it('every statement that reads sessions or changes a live one carries its expiry condition', () => {
  // These look at what lies under a key or a number, whatever its state, or remove what is gone; or they only ask whether
  // it is worth while to count.
  const exempt = ['findAny', 'insert', 'isCrowded', 'clear', 'sweepStale', 'lastId', 'pageEnd']
  const missing = Object.entries(SQL).filter(
    ([name, sql]) => !exempt.includes(name) && !/expires_at (>|<=) \?/.test(sql),
  )
  expect(missing).toEqual([])
})

it('there is one migration for every version of the schema', () => {
  expect(MIGRATIONS.length).toBe(SCHEMA_VERSION + 1)
})
