import { isPlain } from '../../core/data/plain.ts'
import type { HeaderValue, NodeResponse } from './node-response.ts'

type Field = readonly [name: string, value: unknown]

/**
 * Puts the headers that a call of `writeHead` brings along on the response, in the place of those of the same names, as
 * Node does it; the arguments that are left are returned. They come in each form that Node takes: `(status)`,
 * `(status, headers)`, `(status, message, headers)`, with the headers as an object, a flat list or a list of pairs. What
 * Node would not take stays with the arguments: Node has its say.
 */
export function takeHeaders(response: NodeResponse, args: readonly unknown[]): readonly unknown[] {
  const [status, second, third] = args
  const message = typeof second === 'string' ? [second] : []
  const fields = fieldsOf(typeof second === 'string' ? third : (third ?? second))
  if (fields === undefined) return args
  for (const [name] of fields) response.removeHeader(name)
  for (const [name, value] of fields) response.appendHeader(name, value)
  return [status, ...message]
}

/**
 * The headers that a call of `writeHead` brings along, where they are all that the response has and their names are in
 * lower case, as Fastify's are; a copy. Sent like that they never go through the response's own list, which costs a
 * microsecond of twelve.
 */
export function soleHeaders(response: NodeResponse, args: readonly unknown[]): Record<string, HeaderValue> | undefined {
  const headers = args[1]
  if (!isPlain(headers) || args.length > 2 || response.getHeaderNames().length > 0) return undefined
  const own: Record<string, HeaderValue> = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (name !== name.toLowerCase() || !isHeaderValue(value)) return undefined
    own[name] = value
  }
  return own
}

function isHeaderValue(value: unknown): value is HeaderValue {
  if (Array.isArray(value)) return value.every((line) => typeof line === 'string')
  return typeof value === 'string' || typeof value === 'number'
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
