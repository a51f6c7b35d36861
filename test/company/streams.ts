import { createReadStream, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Response } from 'express'

/** Pages that leave in pieces, each in the way of some handlers, and the text that must arrive. */
export interface Page {
  readonly name: string
  readonly text: string
  readonly send: (response: Response) => unknown
}

/** A page that lies in a file. The project's own are never taken away under a handler that is slow to open them. */
interface FilePage {
  readonly name: string
  readonly file: string
  readonly text: string
}

// Below what a stream of zlib takes before it asks to wait, and above what Node and zlib keep together.
const SMALL = filePage('a small file', 'LICENSE')
const BIG = filePage('a big file', 'package-lock.json')

/** All but events: these have a test of their own, because of when they leave. */
export const pages: readonly Page[] = [
  { name: 'send', text: SMALL.text, send: (response) => response.type('html').send(SMALL.text) },
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
  ...[SMALL, BIG].flatMap(({ name, file, text }) => [
    {
      name: `pipe of ${name}`,
      text,
      send: (response: Response) => createReadStream(file).pipe(response.type('html')),
    },
    {
      name: `flushHeaders and pipe of ${name}`,
      text,
      send: (response: Response) => {
        response.type('html').flushHeaders()
        createReadStream(file).pipe(response)
      },
    },
    {
      name: `write and pipe of ${name}`,
      text: `begin ${text}`,
      send: (response: Response) => {
        response.type('html').write('begin ')
        createReadStream(file).pipe(response)
      },
    },
    {
      name: `write and, while the store is at work, pipe of ${name}`,
      text: `begin ${text}`,
      send: (response: Response) => {
        response.type('html').write('begin ')
        if (typeof response.flush === 'function') response.flush()
        setTimeout(() => createReadStream(file).pipe(response), 5)
      },
    },
    {
      name: `sendFile of ${name}`,
      text,
      send: (response: Response) => response.type('html').sendFile(file),
    },
  ]),
]

function filePage(name: string, path: string): FilePage {
  const file = resolve(path)
  return { name, file, text: readFileSync(file, 'utf8') }
}
