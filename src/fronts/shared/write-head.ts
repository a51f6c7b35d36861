import type { HeaderSink } from '../../core/web/response.ts'
import type { NodeResponse } from './node-response.ts'
import { headersOf, spellingOf, textOf } from './node-response.ts'

type Field = readonly [name: string, value: unknown]

/** The headers that a call of `writeHead` brought along, open for changes. */
export interface HeadCall {
  /** What the core reads and writes: the call's own headers first, because Node lets them win. */
  readonly sink: HeaderSink
  /** The arguments for the call to go on with. */
  arguments(): readonly unknown[]
}

/**
 * Reads the arguments of `writeHead` in each form that Node takes: `(status)`, `(status, headers)`,
 * `(status, message, headers)`, with the headers as an object, a flat list or a list of pairs. Undefined when there are
 * no headers, or none that Node would take: then the response itself is what to change, and Node has its say.
 */
export function readHeadCall(response: NodeResponse, args: readonly unknown[]): HeadCall | undefined {
  const [status, second, third] = args
  const headers = typeof second === 'string' ? third : (third ?? second)
  const fields = fieldsOf(headers)
  if (fields === undefined) return undefined
  const message = typeof second === 'string' ? [second] : []
  return {
    sink: sinkOf(fields, headersOf(response)),
    // A value that is a list itself stays one: Node writes a line for each.
    arguments: () => [status, ...message, Array.isArray(headers) ? fields.flat() : Object.fromEntries(fields)],
  }
}

/** The status code that a call of `writeHead` sets, if Node would take it. */
export function statusOfHeadCall(args: readonly unknown[]): number | undefined {
  const status = Math.trunc(Number(args[0]))
  return status >= 100 && status <= 999 ? status : undefined
}

function fieldsOf(headers: unknown): Field[] | undefined {
  if (!Array.isArray(headers)) return isObject(headers) ? Object.entries(headers) : undefined
  const list: readonly unknown[] = headers
  if (list.every((entry) => Array.isArray(entry))) return list.map((entry) => fieldOf(entry[0], entry[1]))
  if (list.length % 2 !== 0) return undefined
  return list.flatMap((name, index) => (index % 2 === 0 ? [fieldOf(name, list[index + 1])] : []))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function fieldOf(name: unknown, value: unknown): Field {
  return [String(name), value]
}

/** The fields are changed in place, so that all others keep their spelling, their order and their repetitions. */
function sinkOf(fields: Field[], response: HeaderSink): HeaderSink {
  const values = (name: string): string[] =>
    fields.filter(([candidate]) => candidate.toLowerCase() === name).flatMap(([, value]) => textsOf(value))
  const replace = (name: string, value: string | readonly string[]): void => {
    const first = fields.findIndex(([candidate]) => candidate.toLowerCase() === name)
    if (first < 0) {
      fields.push([spellingOf(name), value])
      return
    }
    fields[first] = [fields[first]?.[0] ?? name, value]
    for (let at = fields.length - 1; at > first; at--) {
      if (fields[at]?.[0].toLowerCase() === name) fields.splice(at, 1)
    }
  }
  return {
    get: (name) => (values(name).length > 0 ? textOf(values(name)) : response.get(name)),
    set: replace,
    cookies: () => (values('set-cookie').length > 0 ? values('set-cookie') : response.cookies()),
    setCookies: (lines) => replace('set-cookie', lines),
  }
}

// What is neither text, number nor a list of them Node refuses when the call goes on.
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf)
  return typeof value === 'string' || typeof value === 'number' ? [String(value)] : []
}
