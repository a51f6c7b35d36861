import type { FastifyReply } from 'fastify'
import { LOST, pageOf, type Visit } from './visit.ts'

/** The page of a session, or 409 when there is none. */
export function answer(reply: FastifyReply, visit: Visit | undefined): FastifyReply {
  return visit === undefined ? reply.code(409).send(LOST) : reply.send(pageOf(visit))
}
