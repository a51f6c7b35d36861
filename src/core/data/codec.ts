import { SessionError } from '../errors.ts'
import { checkNames, checkedCount, optionNames } from '../options.ts'
import { isPlain, type Plain } from './plain.ts'

/** Turns session data into text and back. `encode` throws for what it could not give back unchanged. */
export interface Codec {
  /** The text of a value. @throws SessionError `not-encodable` or `too-large`. */
  encode(value: unknown): string
  /** The value of a text; throws for a text that is none of its own. */
  decode(text: string): unknown
}

/** Bounds on the shape of session data (DOS-7, DOS-8). */
export interface JsonLimits {
  /** Levels of nesting. */
  readonly depth: number
  /** Own keys of one object. */
  readonly keys: number
}

/** Where a value is that JSON cannot keep, and why. */
interface Flaw {
  readonly path: string
  readonly problem: string
  readonly code: 'not-encodable' | 'too-large'
}

/**
 * JSON (RFC 8259), as `codec: 'json'` has it. A key whose value is `undefined` is left out, a `Date` becomes its ISO 8601
 * text and `-0` becomes `0`. What JSON would drop or change beyond that is refused, with the path of the value: `NaN`,
 * `Infinity`, `BigInt`, functions, symbols, `Map`, `Set`, class instances, cycles, and `undefined` or a hole in a list.
 */
export function jsonCodec(limits: JsonLimits): Codec {
  return codecFor({ ...checkedLimits('jsonCodec', limits), isStrict: false })
}

/** The same, as `codec: 'strict'` has it: what it writes is read back exactly, so those three are refused as well. */
export function strictCodec(limits: JsonLimits): Codec {
  return codecFor({ ...checkedLimits('strictCodec', limits), isStrict: true })
}

const LIMITS = optionNames<JsonLimits>({ depth: true, keys: true })

function checkedLimits(codec: string, limits: JsonLimits): JsonLimits {
  checkNames(codec, limits, LIMITS)
  // Deeper data would be a danger to the stack.
  const depth = checkedCount(`${codec}: depth`, limits.depth, 1, 1000)
  return { depth, keys: checkedCount(`${codec}: keys`, limits.keys) }
}

interface Rules extends JsonLimits {
  readonly isStrict: boolean
}

function codecFor(rules: Rules): Codec {
  return {
    encode(value) {
      const flaw = flawOf(value, 0, rules)
      if (flaw !== undefined) throw refusal(flaw, value)
      return JSON.stringify(value)
    },
    decode(text) {
      const value: unknown = JSON.parse(text, MAY_NAME_PROTO.test(text) ? withoutProto : undefined)
      return value
    },
  }
}

// Its letters may be written as escapes, which `encode` never does.
const MAY_NAME_PROTO = /__proto__|\\u00[5-7]/i

// JSON.parse makes an own key of it, and a careless copy by the application would then replace a prototype.
function withoutProto(key: string, value: unknown): unknown {
  if (key !== '__proto__') return value
  throw new SessionError('undecodable', 'session data: has the key "__proto__"')
}

function refusal(flaw: Flaw, root: unknown): SessionError {
  const problem = flaw.code === 'too-large' && isCyclic(root, new Set(), new Set()) ? 'contains itself' : flaw.problem
  const code = problem === flaw.problem ? flaw.code : 'not-encodable'
  return new SessionError(code, `session data: data${flaw.path} ${problem}`)
}

// Paths are put together only on the way out of a failure, so that good data costs no strings.
function flawOf(value: unknown, depth: number, rules: Rules): Flaw | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      if (Number.isFinite(value) && !(rules.isStrict && Object.is(value, -0))) return undefined
      return flaw(`is ${Object.is(value, -0) ? '-0' : String(value)}, which JSON cannot keep`)
    case 'undefined':
      return flaw('is undefined, which JSON drops or makes null; delete the key, or store null')
    case 'object':
      return value === null ? undefined : nestedFlaw(value, depth, rules)
    default:
      return flaw(`is a ${typeof value}, which JSON cannot keep`)
  }
}

function nestedFlaw(value: object, depth: number, rules: Rules): Flaw | undefined {
  if (depth >= rules.depth) return flaw(`is nested deeper than ${rules.depth} levels`, 'too-large')
  if (isPlain(value)) return objectFlaw(value, depth, rules)
  if (Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype) return arrayFlaw(value, depth, rules)
  if (value instanceof Date && !rules.isStrict) return dateFlaw(value)
  return flaw(`is a ${nameOf(value)}, which JSON would change; store plain objects, arrays, strings and numbers`)
}

function dateFlaw(value: Date): Flaw | undefined {
  if (value.toJSON !== Date.prototype.toJSON) return flaw('is a Date with a toJSON of its own')
  return Number.isNaN(value.getTime()) ? flaw('is an invalid Date, which JSON makes null') : undefined
}

function arrayFlaw(value: readonly unknown[], depth: number, rules: Rules): Flaw | undefined {
  for (let i = 0; i < value.length; i++) {
    const found = flawOf(value[i], depth + 1, rules)
    if (found !== undefined) return { ...found, path: `[${i}]${found.path}` }
  }
  return Object.keys(value).length > value.length ? flaw('has keys beside its items, which JSON drops') : undefined
}

function objectFlaw(value: Plain, depth: number, rules: Rules): Flaw | undefined {
  const keys = Object.keys(value)
  if (keys.length > rules.keys) return flaw(`has more than ${rules.keys} keys`, 'too-large')
  if (Object.getOwnPropertySymbols(value).length > 0) return flaw('has a symbol as a key, which JSON drops')
  for (const key of keys) {
    if (key === '__proto__') return flaw('has the key "__proto__"')
    const child = value[key]
    // An optional field that is not set must not be an error that depends on the visitor.
    if (child === undefined && !rules.isStrict) continue
    const found = flawOf(child, depth + 1, rules)
    if (found !== undefined) return { ...found, path: `${pathOf(key)}${found.path}` }
  }
  return undefined
}

function flaw(problem: string, code: Flaw['code'] = 'not-encodable'): Flaw {
  return { path: '', problem, code }
}

function pathOf(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 40))}]`
}

function nameOf(value: object): string {
  const { constructor } = value
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'class instance'
}

function isCyclic(value: unknown, ancestors: Set<unknown>, cleared: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null || cleared.has(value)) return false
  if (ancestors.has(value)) return true
  // A chain this long is too deep whether it closes or not; stopping here keeps the stack safe.
  if (ancestors.size > 1000) return false
  ancestors.add(value)
  const isClosed = Object.values(value).some((child) => isCyclic(child, ancestors, cleared))
  ancestors.delete(value)
  cleared.add(value)
  return isClosed
}
