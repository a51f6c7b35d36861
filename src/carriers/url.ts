import type { Carrier, RequestFacts } from '../core/web/carrier.ts'
import { assertOption, checkNames, optionNames } from '../core/options.ts'
import { addressOf, checkedParameter, parametersOf, textOf, withParameter, withoutParameter } from './address.ts'
import type { Address } from './address.ts'
import { fallbackCarrier } from './fallback.ts'
import type { CredentialSource, FallbackOptions } from './fallback.ts'

/** Where in a URL the token travels, and for whom. */
export type UrlCarrierOptions = FallbackOptions &
  (
    | {
        /** The query parameter, as in `/cart?sid=...`. @defaultValue 'sid' */
        readonly parameter?: string
        readonly suffix?: never
      }
    | {
        /** The suffix of the path, as in `/cart;sid=...`. */
        readonly suffix: `;${string}=`
        readonly parameter?: never
      }
  )

/** The carrier that {@link urlCarrier} makes. */
export interface UrlCarrier extends Carrier {
  readonly name: 'url'
  /**
   * An address for a link or a form's `action`: with the token when this session's client keeps no cookies, else as given.
   * Only paths of this origin get it, never another site, and nothing that a browser might read as one.
   * A session that this request began has a token from `session.start()` on; call that before writing the page.
   */
  link(session: CredentialSource, href: string): string
  /** The same for the target of a redirect. */
  redirectTarget(session: CredentialSource, href: string): string
  strip(url: string): string
}

/** How one place in a URL is read, written and cleaned. */
interface Place {
  read(address: Address): readonly string[]
  /** Undefined when this reference has no such place. */
  write(address: Address, text: string): Address | undefined
  strip(address: Address): Address
}

export type { CredentialSource, FallbackOptions } from './fallback.ts'

const NAME = 'url'
const NAMES = optionNames<UrlCarrierOptions>({
  parameter: true,
  suffix: true,
  carriesSubjects: true,
  marker: true,
  testCookie: true,
  now: true,
})

/**
 * Carries the token in the URL of clients that were shown to keep no cookies. A URL is no secret place: by default no
 * session with a subject travels in one.
 */
export function urlCarrier(options: UrlCarrierOptions = {}): UrlCarrier {
  checkNames('urlCarrier', options, NAMES)
  const place = placeOf(options)
  const read = (facts: RequestFacts): readonly string[] => place.read(addressOf(facts.url))
  const strip = (url: string): string => textOf(place.strip(addressOf(url)))
  const link = (session: CredentialSource, href: string): string => {
    const text = session.credential(NAME)
    return text === undefined ? href : linked(place, href, text)
  }
  return {
    ...fallbackCarrier(NAME, options, read, strip),
    link,
    redirectTarget: link,
  }
}

function linked(place: Place, href: string, text: string): string {
  if (!isPathOfThisOrigin(href)) return href
  const address = addressOf(href)
  const isSamePage = address.path === '' && address.query === undefined
  const written = isSamePage ? undefined : place.write(place.strip(address), text)
  return written === undefined ? href : textOf(written)
}

// Browsers drop tabs and line ends anywhere, blanks at the start, and read `\` as `/`: with one of these in it a
// reference may lead elsewhere than it seems to.
function isPathOfThisOrigin(href: string): boolean {
  const hasDisguise = /[^!-~\u0080-\uFFFF]|\\/.test(href)
  return !hasDisguise && !href.startsWith('//') && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(href)
}

function placeOf(options: UrlCarrierOptions): Place {
  if (options.suffix === undefined)
    return inQuery(checkedParameter('urlCarrier: parameter', options.parameter ?? 'sid'))
  assertOption(options.parameter === undefined, 'urlCarrier: give either parameter or suffix')
  const { suffix } = options
  const isSuffix = typeof suffix === 'string' && suffix.startsWith(';') && suffix.endsWith('=')
  assertOption(isSuffix, 'urlCarrier: suffix: expected it to look like ;sid=')
  checkedParameter('urlCarrier: suffix between ; and =', suffix.slice(1, -1))
  return inPath(suffix)
}

function inQuery(name: string): Place {
  return {
    read: ({ query }) => parametersOf(query, name),
    write: (address, text) => ({ ...address, query: withParameter(address.query, name, text) }),
    strip: (address) => ({ ...address, query: withoutParameter(address.query, name) }),
  }
}

function inPath(suffix: string): Place {
  return {
    read: ({ path }) => suffixesIn(path, suffix).map(([start, end]) => path.slice(start + suffix.length, end)),
    // Without a path of its own a reference keeps the page's path, which is not known here.
    write: (address, text) =>
      address.path === '' ? undefined : { ...address, path: address.path + suffix + encodeURIComponent(text) },
    strip: (address) => ({ ...address, path: withoutSuffix(address.path, suffix) }),
  }
}

function withoutSuffix(path: string, suffix: string): string {
  let kept = ''
  let from = 0
  for (const [start, end] of suffixesIn(path, suffix)) {
    kept += path.slice(from, start)
    from = end
  }
  return kept + path.slice(from)
}

function suffixesIn(path: string, suffix: string): readonly (readonly [start: number, end: number])[] {
  const found: [number, number][] = []
  for (let start = path.indexOf(suffix); start >= 0; start = path.indexOf(suffix, start + suffix.length)) {
    found.push([start, start + suffix.length + lengthOfValue(path.slice(start + suffix.length))])
  }
  return found
}

function lengthOfValue(rest: string): number {
  const end = rest.search(/[;/]/)
  return end < 0 ? rest.length : end
}
