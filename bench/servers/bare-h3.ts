import { H3 } from 'h3'
import { h3Server } from './h3-server.ts'
import type { Serve } from './serve.ts'
import { BARE_PAGE } from './visit.ts'

export const serve: Serve = () => h3Server(new H3().get('/anonymous', () => BARE_PAGE))
