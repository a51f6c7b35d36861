/** Tells what feeds a page that nobody will get, that nobody will: a stream, or something with a stream as its body. */
export function discard(page: unknown, reason: unknown): void {
  const body = memberOf(page, 'body') ?? page
  const destroy = memberOf(body, 'destroy')
  if (body instanceof ReadableStream) void body.cancel(reason).catch(() => undefined)
  // Without the reason: a stream of Node would report it where nobody may be listening.
  else if (typeof destroy === 'function') Reflect.apply(destroy, body, [])
}

function memberOf(value: unknown, name: string): unknown {
  return Reflect.get(Object(value), name)
}
