import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Opened } from './client.ts'

/** The body as the client's decoder gives it, in pieces as they arrive. */
export function decoded({ all, body }: Opened): Readable {
  const encoding = all('content-encoding')
  if (encoding.length === 0) return body
  if (encoding.join() !== 'gzip') throw new Error(`no decoder for ${encoding.join()}`)
  return body.pipe(createGunzip())
}
