import { assertOption, checkNames } from '../options.ts'
import type { Cookie } from './cookie.ts'
import { scanCookies, serializeCookie } from './cookie.ts'

/** A cookie that the site once used, or that another program left under the same name. */
export interface RetiredCookie {
  /** @defaultValue the name of the cookie in use */
  readonly name?: string
  /** @defaultValue none: the host that set it */
  readonly domain?: string
  /** @defaultValue '/' */
  readonly path?: string
  /** @defaultValue false */
  readonly partitioned?: boolean
}

/** Gives the lines that take away what the request shows of retired cookies. */
export type Retire = (header: string, hands: boolean) => readonly string[]

/**
 * What clears retired cookies; undefined when there can be none. A cookie with `domain` may have a twin of the same name
 * that only the host gets, from before it had one, so that twin counts as retired.
 *
 * Under another name a cookie is cleared whenever it is shown. Under the same name it cannot be told from the one in use,
 * unless there are two: then, and where a token is handed out, so that the new one does not meet the old one.
 */
export function retirementOf(cookie: Cookie, retired: readonly RetiredCookie[] = []): Retire | undefined {
  assertOption(isList(retired), 'cookie.retired: expected a list, such as [{ name: "connect.sid" }]')
  const { priority: _, domain, ...own } = cookie
  const twins: readonly RetiredCookie[] = domain === undefined ? [] : [{ path: cookie.path }]
  const entries = [...retired, ...twins].map((entry) => {
    checkNames('cookie.retired', entry, ['name', 'domain', 'path', 'partitioned'])
    const { name = cookie.name, path = '/', partitioned = false } = entry
    const isInUse =
      name === cookie.name &&
      path === cookie.path &&
      entry.domain === domain &&
      partitioned === (cookie.partitioned ?? false)
    assertOption(!isInUse, 'cookie.retired: this is the cookie in use; leave it out')
    const gone = { ...own, name, path, partitioned, ...(entry.domain !== undefined && { domain: entry.domain }) }
    return { name, line: serializeCookie({ ...gone, maxAge: 0, expires: 0 }) }
  })
  if (entries.length === 0) return undefined
  return (header, hands) =>
    entries.flatMap(({ name, line }) => {
      const shown = scanCookies(header, name).values.length
      return shown > (name === cookie.name && !hands ? 1 : 0) ? [line] : []
    })
}

function isList(given: unknown): boolean {
  return Array.isArray(given)
}
