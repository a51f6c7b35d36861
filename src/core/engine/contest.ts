import { monotonicNow, pause } from '#platform'
import { SessionError } from '../errors.ts'
import { secretBytes } from '../token.ts'

// Each loss means that another request got its write in, so a handful is common and this many is a broken store.
const MAX_LOSSES = 400
const MAX_MILLISECONDS = 30_000

/** How often a change has lost against others, and since when. Begun at the first loss: most changes meet nobody. */
export interface Contest {
  losses: number
  readonly since: number
}

export function newContest(): Contest {
  return { losses: 0, since: monotonicNow() }
}

/** Counts a loss. @throws SessionError `conflict` after too many, or too long a time. */
export function countLoss(contest: Contest): void {
  const { since } = contest
  const losses = ++contest.losses
  if (losses < MAX_LOSSES && monotonicNow() - since < MAX_MILLISECONDS) return
  throw new SessionError('conflict', `session: others changed it ${losses} times; nothing was written`)
}

/** Waits a little, longer and at random when many contend, so that one of them gets through. */
export async function standBack({ losses }: Contest): Promise<void> {
  // Mostly at once: what a conflict has told of is old after a pause, and would only be refused again. With a pause before
  // each attempt one of eight processes that count in one session could fail for good.
  if (losses < 10 || losses % 4 > 0) return
  const spread = (secretBytes(1)[0] ?? 0) / 255
  await pause(1 + Math.floor((losses * spread) / 10))
}
