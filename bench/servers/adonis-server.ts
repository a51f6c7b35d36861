import { Server } from 'node:http'
import { IgnitorFactory } from '@adonisjs/core/factories'
import type { HttpRouterService } from '@adonisjs/core/types'
import { LISTEN, listening } from './serve.ts'

/** AdonisJS with what an application of one file needs. `modules` are providers beyond those of its core. */
export async function adonisServer(
  modules: readonly (() => Promise<{ default?: unknown }>)[],
  config: Readonly<Record<string, unknown>>,
  route: (router: HttpRouterService) => void,
): Promise<Server> {
  const providers = modules.map((file) => ({ file, environment: ['web'] }))
  const ignitor = new IgnitorFactory()
    .withCoreProviders()
    .withCoreConfig()
    .merge({ rcFileContents: { providers }, config })
    .create(new URL('./', import.meta.url))
  process.env['HOST'] = LISTEN.host
  process.env['PORT'] = String(LISTEN.port)
  ignitor.tap((app) => {
    void app.booted(async () => route(await app.container.make('router')))
  })
  const http = ignitor.httpServer()
  await http.start()
  const app = ignitor.getApp()
  const server = (await app?.container.make('server'))?.getNodeServer()
  if (!(server instanceof Server)) throw new Error('AdonisJS made no HTTP/1 server')
  return listening(server)
}
