import { createHash } from 'node:crypto'
import type { Ask } from './client.ts'
import { proceduresOf } from './procedures.ts'
import type { Procedure } from './sql.ts'
import type { Names } from './tables.ts'
import { textIn } from './values.ts'

/**
 * Counts up with each change to the text of a procedure that keeps its name. Of two versions of this package that take
 * turns in setting up, the newer one's text stays.
 */
export const REVISION = 1

/** A procedure as it should be. */
export interface Routine extends Procedure {
  /** What stands in its comment: who wrote it, and a digest by which a comparison needs no right to read its text. */
  readonly sign: string
}

export function routinesOf(names: Names): readonly Routine[] {
  return proceduresOf(names).map((procedure) => ({ ...procedure, sign: signOf(procedure) }))
}

function signOf({ parameters, body }: Procedure): string {
  return `sojourn ${REVISION} ${createHash('sha256').update(`${parameters}\n${body}`).digest('hex')}`
}

/** The statement that makes it where there is none; MariaDB knows one that replaces, without a moment in between. */
export function createStatement(
  names: Names,
  routine: Routine,
  verb: 'CREATE' | 'CREATE OR REPLACE' = 'CREATE',
): string {
  return `${verb} PROCEDURE ${names.procedure(routine.name)} (${routine.parameters})
MODIFIES SQL DATA SQL SECURITY INVOKER COMMENT '${routine.sign}'
${routine.body}`
}

/** What is not as it should be: missing, or there with another text. */
export interface Difference {
  readonly routine: Routine
  readonly isThere: boolean
}

/** Looks at what is there, with the rights of a user who may call the procedures. */
export async function differencesIn(ask: Ask, names: Names): Promise<readonly Difference[]> {
  const routines = routinesOf(names)
  const list = routines.map(({ name }) => `'${names.listed(name)}'`).join(', ')
  const rows = await ask(
    `SELECT routine_name, routine_comment, routine_definition FROM information_schema.routines
      WHERE routine_schema = ${names.database} AND routine_type = 'PROCEDURE' AND routine_name IN (${list})`,
  )
  const found = new Map(rows.map(([name, comment, text]) => [textIn(name).toLowerCase(), { comment, text }]))
  return routines.flatMap((routine): readonly Difference[] => {
    const there = found.get(names.listed(routine.name).toLowerCase())
    if (there === undefined) return [{ routine, isThere: false }]
    // Whoever did not make it may not see its text.
    const text = there.text === null ? undefined : textIn(there.text)
    return isAsItShould(routine, textIn(there.comment), text) ? [] : [{ routine, isThere: true }]
  })
}

function isAsItShould({ sign, body }: Routine, comment: string, text: string | undefined): boolean {
  const revision = Number(/^sojourn (\d+) /.exec(comment)?.[1] ?? 0)
  return revision > REVISION || (comment === sign && (text === undefined || text === body))
}
