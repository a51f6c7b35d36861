import type { Request, RequestHandler } from 'express'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import type { Room } from '../room.ts'
import { showTooMany } from './errors.ts'
import { lineIn } from './input.ts'

const WINDOW_MS = 15 * 60_000

/**
 * Slows down guessing: so many wrong passwords from one network, whatever the accounts, and so many for one account,
 * wherever they come from. Each process counts for itself; more than one would count in a store of express-rate-limit's.
 */
export function limitAttempts(room: Room): readonly RequestHandler[] {
  return [limit(room, 30, networkOf), limit(room, 10, accountIn)]
}

function limit(room: Room, most: number, keyGenerator: (req: Request) => string): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: most,
    keyGenerator,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_req, res) => res.statusCode < 400,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (req, res, next) => {
      showTooMany(room, req, res).catch(next)
    },
  })
}

function networkOf(req: Request): string {
  return ipKeyGenerator(req.ip ?? '')
}

// As the table of users compares them.
function accountIn(req: Request): string {
  return lineIn(req, 'email').toLowerCase()
}
