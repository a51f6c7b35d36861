import { Readable } from 'node:stream'
import type { H3Event } from 'h3'
import { H3, fromNodeHandler, redirect as redirectTo } from 'h3'
import { toNodeHandler } from 'h3/node'
import { h3Sessions } from 'sojourn/h3'
import type { Driver, Reply } from '../driver.ts'
import { listen } from './servers.ts'

function reply(event: H3Event, { status, headers = {}, body, redirect, stream }: Reply): unknown {
  for (const [name, value] of Object.entries(headers)) event.res.headers.set(name, value)
  if (redirect !== undefined) return redirectTo(redirect, status ?? 302)
  if (status !== undefined) event.res.status = status
  return stream === undefined ? (body ?? null) : Readable.toWeb(Readable.from(stream))
}

export const h3Driver: Driver = {
  name: 'h3',
  leavesOutRaw: { 'half a page': "h3 ends a response whose handler of Node's kind throws after the head" },
  start: ({ sessions, handle, form = false, installed = 1 }) => {
    const app = new H3({ silent: true })
    const useVisit = h3Sessions(sessions, { trustProxy: 1, form })
    for (let time = 0; time < installed; time++) app.use(time === 0 ? useVisit : h3Sessions(sessions))
    app.all('/**', async (event) =>
      reply(event, await handle({ session: useVisit.of(event), path: event.url.pathname + event.url.search })),
    )
    return listen('http', toNodeHandler(app))
  },
  startRaw: ({ sessions, handle }) => {
    const app = new H3({ silent: true })
    const useVisit = h3Sessions(sessions, { trustProxy: 1 })
    app.use(useVisit)
    app.all('/**', (event) =>
      fromNodeHandler((request, response) => handle(request as never, response as never, useVisit.of(event)))(event),
    )
    return listen('http', toNodeHandler(app))
  },
}
