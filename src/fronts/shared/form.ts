// The token is short; whatever is larger than this is no form that carries one early on, and would only fill the memory.
const MAX_BYTES = 1_048_576

/** Tells a submitted HTML form of the usual encoding. */
export function isForm(request: Request): boolean {
  return request.body !== null && isFormType(request.headers.get('content-type') ?? undefined)
}

/** Tells the content type of such a form. */
export function isFormType(type: string | undefined): boolean {
  return type !== undefined && /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)
}

/** The fields of a form, from a copy, so that the application can still read the body. None when it is too large. */
export async function readForm(request: Request): Promise<URLSearchParams> {
  const body: ReadableStream<Uint8Array> | null = request.clone().body
  if (body === null) return new URLSearchParams()
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let size = 0
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return new URLSearchParams(text + decoder.decode())
    size += value.byteLength
    if (size > MAX_BYTES) {
      // The application's own copy goes on; nobody waits for this one.
      void reader.cancel().catch(() => undefined)
      return new URLSearchParams()
    }
    text += decoder.decode(value, { stream: true })
  }
}
