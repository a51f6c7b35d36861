/** Tells what feeds a page that nobody will get, that nobody will: a stream, or something with a stream as its body. */
export function discard(page: unknown, reason: unknown): void {
  const body: unknown = isObject(page) && 'body' in page ? page.body : page
  if (body instanceof ReadableStream) void body.cancel(reason).catch(() => undefined)
  // Without the reason: a stream of Node would report it where nobody may be listening.
  else if (isDestroyable(body)) body.destroy()
}

function isDestroyable(value: unknown): value is { destroy(): void } {
  return isObject(value) && 'destroy' in value && typeof value.destroy === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
