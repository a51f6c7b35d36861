import type { Answer } from '../../core/web/carrier.ts'
import type { HeaderSink, Outcome } from '../../core/web/response.ts'
import { applyOutcome } from '../../core/web/response.ts'

/** A complete answer as a response. */
export function toResponse({ status, headers, cookies, body }: Answer): Response {
  const response = new Response(body === '' ? null : body, {
    status,
    headers: headers.map(([name, value]) => [name, value]),
  })
  for (const cookie of cookies) response.headers.append('set-cookie', cookie)
  return response
}

/** The response with what the session adds to its headers; its body is handed on, not copied. */
export function withOutcome(response: Response, outcome: Outcome | undefined): Response {
  // Neither a network error nor a switch of protocols has headers that would reach a client's cookie jar or a cache.
  if (outcome === undefined || response.status < 200) return response
  // A response without a body may be a constant that the next visitor gets too, and a redirect cannot be changed.
  const own = !hasBody(response) || !isMutable(response) ? new Response(response.body, response) : response
  applyOutcome(outcome, sinkOf(own.headers))
  return own
}

// The server @hono/node-server keeps status, text and headers of a plain response in an array beside it, and writes that out
// when nobody has asked for more. To look at `body` makes a real response with a stream: 30 of 55 µs of a request.
function hasBody(response: Response): boolean {
  const [key] = Object.getOwnPropertySymbols(response)
  const parts: unknown = key?.description === 'cache' ? Reflect.get(response, key) : undefined
  return (Array.isArray(parts) && typeof parts[1] === 'string') || response.body !== null
}

function isMutable({ headers }: Response): boolean {
  try {
    headers.delete('x-sojourn-probe')
    return true
  } catch {
    return false
  }
}

/** Headers for the core; `beneath` are those that they will be laid over. */
export function sinkOf(headers: Headers, beneath?: Headers): HeaderSink {
  return {
    get: (name) => headers.get(name) ?? beneath?.get(name) ?? undefined,
    // A list of its own: what is set meanwhile does not lengthen it.
    names: () => [...headers.keys(), ...(beneath?.keys() ?? [])],
    set: (name, value) => headers.set(name, value),
    cookies: () => headers.getSetCookie(),
    setCookies: (lines) => {
      headers.delete('set-cookie')
      for (const line of lines) headers.append('set-cookie', line)
    },
  }
}
