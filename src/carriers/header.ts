import type { Carrier, RequestFacts } from '../core/web/carrier.ts'
import { assertOption, checkFunction, checkNames, optionNames } from '../core/options.ts'

/** How {@link headerCarrier} reads and hands out tokens. */
export interface HeaderCarrierOptions {
  /**
   * The request header that brings the token. In `authorization` it follows the scheme `Bearer`; in any other header it
   * is the whole value.
   * @defaultValue 'authorization'
   */
  readonly name?: string
  /** The response header that hands a token out; empty when the token is taken away. @defaultValue 'session-token' */
  readonly responseHeader?: string
  /**
   * Which requests this carrier is for, such as those below `/api`; new sessions of these are handed out by header.
   * @defaultValue every request that shows the header
   */
  readonly when?: (facts: RequestFacts) => boolean
}

const NAMES = optionNames<HeaderCarrierOptions>({ name: true, responseHeader: true, when: true })
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const BEARER = 'bearer '
// Their values come from elsewhere or mean something else; a token in one of them is a mistake.
const TAKEN: readonly string[] = ['cookie', 'set-cookie', 'host', 'origin', 'referer', 'location']

/** Carries the token in headers, for clients that are programs. Only read when it is configured. */
export function headerCarrier(options: HeaderCarrierOptions = {}): Carrier {
  checkNames('headerCarrier', options, NAMES)
  const name = checkedName('name', options.name ?? 'authorization')
  const responseHeader = checkedName('responseHeader', options.responseHeader ?? 'session-token')
  const { when } = options
  checkFunction('headerCarrier: when', when, 'that picks requests')
  const valueOf = name === 'authorization' ? bearerOf : wholeOf
  return {
    name: 'header',
    isFallback: false,
    carriesSubjects: true,
    vary: [name],
    read: (facts) => (when === undefined || when(facts) ? valueOf(facts.header(name)) : []),
    hand: (text) => ({ headers: [[responseHeader, text]] }),
    clear: () => ({ headers: [[responseHeader, '']] }),
    ...(when === undefined ? {} : { offers: when }),
  }
}

function checkedName(option: string, name: string): string {
  const isName = typeof name === 'string' && HEADER_NAME.test(name)
  assertOption(isName, `headerCarrier: ${option}: expected a header name: letters, digits and - only`)
  const lower = name.toLowerCase()
  assertOption(!TAKEN.includes(lower), `headerCarrier: ${option}: it cannot be ${lower}; choose another header`)
  return lower
}

function bearerOf(value: string | undefined): readonly string[] {
  if (value === undefined || value.slice(0, BEARER.length).toLowerCase() !== BEARER) return []
  return wholeOf(value.slice(BEARER.length))
}

// A blank or a comma inside: a second space after the scheme, or several fields that were joined. No token has one.
function wholeOf(value: string | undefined): readonly string[] {
  return value === undefined || value === '' || /[\s,]/.test(value) ? [] : [value]
}
