import type { Sessions } from 'sojourn'
import { Session, SessionError } from 'sojourn'
// The other part of the application is CommonJS: both must have the same types.
import { sessions } from '../commonjs/application.js'

export const same: Sessions<{ visits: number }> = sessions
export const isEnded = (error: unknown): boolean => error instanceof SessionError && error.code === 'gone'
export const userOf = (session: Session): string | undefined => session.subject
