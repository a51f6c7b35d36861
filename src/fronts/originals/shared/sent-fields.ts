import { forwarded } from './forwarded.ts'
import { strictData } from './strict.ts'

/**
 * One dictionary for all requests, with the fields that the one which is being served has sent. Reading one that is not
 * there is an error; of a field that was sent several times the last counts.
 */
export function sentFields(name: string, fields: () => URLSearchParams): Readonly<Record<string, string>> {
  const accept = (): void => {
    throw new TypeError(`${name}: what a client has sent cannot be changed`)
  }
  const current = (): object =>
    strictData({ data: Object.fromEntries(fields()) }, { kind: 'item', name, ask: 'in', accept })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it stands for the fields of whichever request runs
  return forwarded(current) as Readonly<Record<string, string>>
}
