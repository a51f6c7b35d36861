import type { ServerResponse } from 'node:http'
import compression from 'compression'
import type { RequestHandler } from 'express'
import onHeaders from 'on-headers'
import type { Neighbour } from '../driver.ts'

/** Counts how often the head is told. */
export function hookHead(response: ServerResponse): void {
  let calls = 0
  onHeaders(response, () => response.setHeader('X-Hooked', String(++calls)))
}

/** The middleware of the family of connect, which Express takes and node:http can be led through. */
export function connectNeighbour({ kind }: Neighbour): RequestHandler {
  if (kind === 'compression') return compression({ threshold: 0 })
  return (_request, response, next) => {
    hookHead(response)
    next()
  }
}
