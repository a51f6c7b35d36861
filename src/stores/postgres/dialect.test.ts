import { expect, it } from 'vitest'
import { sha256 } from '#platform'
import { REVISION } from './dialect.ts'
import { postgresSchema } from './schema.ts'

// When this fails, a function has changed: give REVISION the next number, and put both down here. Else an older process
// that starts while newer ones run puts its own functions back.
it('functions with another text have another revision', () => {
  const digest = sha256(postgresSchema() + postgresSchema({ partitions: 2 }))
  expect([REVISION, digest]).toMatchInlineSnapshot(`
    [
      1,
      "FCfMQ6hwVfK0tYQgcc1qVcefv9cyQekwR4QSrXUADS8",
    ]
  `)
})
