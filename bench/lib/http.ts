import { Agent, get } from 'node:http'

/** A response as a simple client sees it. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** `name=value` of each Set-Cookie. */
  readonly cookies: readonly string[]
}

/** A few connections to one server. */
export interface Client {
  get(path: string, cookie?: string): Promise<Answer>
  close(): void
}

// A database may hang, and a subject with it.
const PATIENCE_MS = 30_000

export function clientOf(port: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  return {
    get: (path, cookie) =>
      new Promise((resolve, reject) => {
        const headers = cookie === undefined || cookie === '' ? {} : { cookie }
        const signal = AbortSignal.timeout(PATIENCE_MS)
        get({ host: '127.0.0.1', port, path, agent, headers, signal }, (response) => {
          let body = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => (body += chunk))
          response.on('end', () => {
            const cookies = (response.headers['set-cookie'] ?? []).map((line) => line.split(';')[0] ?? '')
            resolve({ status: response.statusCode ?? 0, body, cookies })
          })
          response.on('error', reject)
        }).on('error', reject)
      }),
    close: () => agent.destroy(),
  }
}

/** The cookies that a browser sends after these answers, the newest of each name. */
export function jarOf(...lists: readonly (readonly string[])[]): string {
  const jar = new Map(lists.flat().map((cookie) => [cookie.slice(0, cookie.indexOf('=')), cookie]))
  return [...jar].flatMap(([name, cookie]) => (cookie === `${name}=` ? [] : [cookie])).join('; ')
}
