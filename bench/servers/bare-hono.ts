import { Hono } from 'hono'
import { honoServer } from './hono-server.ts'
import type { Serve } from './serve.ts'
import { BARE_PAGE } from './visit.ts'

export const serve: Serve = () => honoServer(new Hono().get('/anonymous', (c) => c.text(BARE_PAGE)))
