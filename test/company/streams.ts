import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Response } from 'express'
import { onTestFinished } from 'vitest'

/** Pages that leave in pieces, each in the way of some handlers, and the text that must arrive. */
export interface Page {
  readonly name: string
  readonly text: string
  readonly send: (response: Response, file: string) => unknown
}

// Below what a stream of zlib takes before it asks to wait, and above what Node and zlib keep together.
const SMALL = 'small page\n'.repeat(20)
const BIG = 'big page, line after line\n'.repeat(20_000)

/** All but events: these have a test of their own, because of when they leave. */
export const pages: readonly Page[] = [
  { name: 'send', text: SMALL, send: (response) => response.type('html').send(SMALL) },
  {
    name: 'write and end',
    text: '<html></html>',
    send: (response) => {
      response.type('html').write('<html>')
      response.end('</html>')
    },
  },
  {
    name: 'flushHeaders, write and end',
    text: '<html></html>',
    send: (response) => {
      response.type('html').flushHeaders()
      response.write('<html>')
      response.end('</html>')
    },
  },
  ...[SMALL, BIG].flatMap((text) => [
    {
      name: `pipe of ${text.length} characters`,
      text,
      send: (response: Response, file: string) => createReadStream(file).pipe(response.type('html')),
    },
    {
      name: `flushHeaders and pipe of ${text.length} characters`,
      text,
      send: (response: Response, file: string) => {
        response.type('html').flushHeaders()
        createReadStream(file).pipe(response)
      },
    },
    {
      name: `write and pipe of ${text.length} characters`,
      text: `begin ${text}`,
      send: (response: Response, file: string) => {
        response.type('html').write('begin ')
        createReadStream(file).pipe(response)
      },
    },
    {
      name: `write and, while the store is at work, pipe of ${text.length} characters`,
      text: `begin ${text}`,
      send: (response: Response, file: string) => {
        response.type('html').write('begin ')
        if (typeof response.flush === 'function') response.flush()
        setTimeout(() => createReadStream(file).pipe(response), 5)
      },
    },
    {
      name: `sendFile of ${text.length} characters`,
      text,
      send: (response: Response, file: string) => response.type('html').sendFile(file),
    },
  ]),
]

/** A file with that text, for one test. */
export async function fileOf(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-company-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'page.html')
  await writeFile(file, text)
  return file
}
