// A form is typed by hand, or by somebody who wants to fill the memory.
const MAX_BYTES = 1_048_576

/** The fields of a form that arrives; undefined when it is too large. */
export async function readFields(body: AsyncIterable<unknown>): Promise<URLSearchParams | undefined> {
  const decoder = new TextDecoder()
  let size = 0
  let text = ''
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('request body: already read as text by something else')
    size += chunk.byteLength
    // Read to its end all the same: a client that is still sending would not see the answer.
    text = size > MAX_BYTES ? '' : text + decoder.decode(chunk, { stream: true })
  }
  return size > MAX_BYTES ? undefined : new URLSearchParams(text + decoder.decode())
}

/** The fields of a form that a parser has read before; of a repeated field all values. */
export function parsedFields(body: object): URLSearchParams {
  const fields = new URLSearchParams()
  for (const [name, given] of Object.entries(body)) {
    const values: readonly unknown[] = Array.isArray(given) ? given : [given]
    for (const value of values) if (typeof value === 'string') fields.append(name, value)
  }
  return fields
}
