import { applyOutcome, type Outcome } from '../../core/web/response.ts'
import { headersOf, type NodeResponse } from './node-response.ts'

type Field = readonly [name: string, value: unknown]

/**
 * Puts the headers that a call of `writeHead` brings along on the response, in the place of those of the same names, as
 * Node does it; the arguments that are left are returned. They come in each form that Node takes: `(status)`,
 * `(status, headers)`, `(status, message, headers)`, with the headers as an object, a flat list or a list of pairs. What
 * Node would not take stays with the arguments: Node has its say.
 */
function takeHeaders(response: NodeResponse, args: readonly unknown[]): readonly unknown[] {
  const [status, second, third] = args
  const message = typeof second === 'string' ? [second] : []
  const fields = fieldsOf(typeof second === 'string' ? third : (third ?? second))
  if (fields === undefined) return args
  for (const [name] of fields) response.removeHeader(name)
  for (const [name, value] of fields) response.appendHeader(name, value)
  return [status, ...message]
}

/** Adds what the session brings to the head that a call of `writeHead` makes; gives the arguments to call it with. */
export type AddToHead = (response: NodeResponse, outcome: Outcome, args: readonly unknown[]) => readonly unknown[]

/** By way of the response's own headers. */
export const addToHead: AddToHead = (response, outcome, args) => {
  const rest = takeHeaders(response, args)
  applyOutcome(outcome, headersOf(response))
  return rest
}

/** The status code that a call of `writeHead` sets, if Node would take it. */
export function statusOfHeadCall(args: readonly unknown[]): number | undefined {
  const status = Math.trunc(Number(args[0]))
  return status >= 100 && status <= 999 ? status : undefined
}

function fieldsOf(headers: unknown): readonly Field[] | undefined {
  if (!Array.isArray(headers))
    return typeof headers === 'object' && headers !== null ? Object.entries(headers) : undefined
  const list: readonly unknown[] = headers
  if (list.every((entry) => Array.isArray(entry))) return list.map((entry) => fieldOf(entry[0], entry[1]))
  if (list.length % 2 !== 0) return undefined
  return list.flatMap((name, index) => (index % 2 === 0 ? [fieldOf(name, list[index + 1])] : []))
}

function fieldOf(name: unknown, value: unknown): Field {
  return [String(name), value]
}
