import type { Reply } from './servers.ts'
import { pathOf } from './servers.ts'

/** Pages, each under its path, as files in a folder would be. */
export type Pages = Readonly<Record<string, () => Reply | Promise<Reply>>>

/**
 * The page for whatever path a request asks for.
 * @throws TypeError for a path that does not begin with `/`, and for a page that is no function.
 */
export function pageAmong(pages: Pages): (session: { readonly url: string }) => Promise<Reply> {
  if (typeof pages !== 'object' || pages === null) throw new TypeError(`serve: expected ${EXPECTED}`)
  for (const [path, page] of Object.entries(pages)) {
    if (path.startsWith('/') && typeof page === 'function') continue
    throw new TypeError(`serve: ${JSON.stringify(path)} is no page; expected ${EXPECTED}`)
  }
  const own = { ...pages }
  return async (session) => {
    const path = pathOf(session)
    const page = Object.hasOwn(own, path) ? own[path] : undefined
    return page === undefined ? NOT_FOUND : page()
  }
}

const EXPECTED = "functions under paths, such as { '/': () => 'hello' }"
const NOT_FOUND: Reply = { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Not Found' }
