import { dialectOf, type FunctionName } from './dialect.ts'
import type { Statement } from './database.ts'
import type { Names } from './names.ts'

/** The functions that the store calls itself. */
type Called = Exclude<FunctionName, 'decide' | 'tell' | 'serialise' | 'make_room'>

/** How many values each takes. */
const VALUES: Readonly<Record<Called, number>> = {
  get: 2,
  update: 10,
  touch: 5,
  insert: 10,
  delete: 6,
  admit: 12,
  rotate: 17,
  list: 3,
  count: 3,
  end_handle: 4,
  end_subject: 4,
  clear: 0,
  sweep: 2,
  scan: 3,
  watch: 3,
  poll: 1,
}

/** The statements that the store sends; nothing but values ever differs in them. */
export type Statements = Readonly<Record<Called, Statement>>

/** The statements for a table. */
export function statementsFor(names: Names): Statements {
  const { call } = dialectOf(names, false)
  const statement = (name: Called): Statement => {
    const values = Array.from({ length: VALUES[name] }, (_, n) => `$${n + 1}`)
    return { name: `${names.channel}_${name}`, text: `SELECT * FROM ${call(name)}(${values.join(', ')})` }
  }
  return {
    get: statement('get'),
    update: statement('update'),
    touch: statement('touch'),
    insert: statement('insert'),
    delete: statement('delete'),
    admit: statement('admit'),
    rotate: statement('rotate'),
    list: statement('list'),
    count: statement('count'),
    end_handle: statement('end_handle'),
    end_subject: statement('end_subject'),
    clear: statement('clear'),
    sweep: statement('sweep'),
    scan: statement('scan'),
    watch: statement('watch'),
    poll: statement('poll'),
  }
}
