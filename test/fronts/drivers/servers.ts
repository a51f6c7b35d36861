import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Endpoint } from '../client.ts'
import type { Running } from '../driver.ts'

export type Listener = (request: IncomingMessage, response: ServerResponse) => void
/** `h2` is HTTP/2 as browsers speak it, over TLS only. */
export type Kind = Endpoint['protocol'] | 'h2'

/** A real server on a free port of this machine. */
export async function listen(kind: Kind, listener: Listener): Promise<Running & { readonly server: Server }> {
  const isSecure = kind === 'https' || kind === 'h2'
  const keys = isSecure ? selfSigned() : undefined
  const server = create(kind, listener, keys)
  const sockets = new Set<Socket>()
  server.on(isSecure ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    server,
    endpoint: { protocol: kind === 'h2' ? 'https' : kind, port, ...(keys !== undefined && { ca: keys.cert }) },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function create(kind: Kind, listener: Listener, keys: Keys | undefined): Server {
  if (kind === 'http') return http.createServer(listener)
  if (kind === 'https') return https.createServer({ ...keys }, listener)
  // The compatibility API stands in for the classes of node:http; that it fits is what is tested.
  const compatible = listener as unknown as (
    request: http2.Http2ServerRequest,
    response: http2.Http2ServerResponse,
  ) => void
  return kind === 'h2' ? http2.createSecureServer({ ...keys }, compatible) : http2.createServer(compatible)
}

export interface Keys {
  readonly key: string
  readonly cert: string
}

let made: Keys | undefined

// Made for each run: a key in a repository is a key that somebody trusts one day.
export function selfSigned(): Keys {
  if (made !== undefined) return made
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-tls-'))
  try {
    const key = join(folder, 'key.pem')
    const cert = join(folder, 'cert.pem')
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'].concat([
        '-keyout',
        key,
        '-out',
        cert,
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
      ]),
      { stdio: 'ignore' },
    )
    made = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
    return made
  } finally {
    rmSync(folder, { recursive: true })
  }
}
