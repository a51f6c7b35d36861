import type { View } from '../requests.ts'
import type { FindingKind } from './findings.ts'
import type { Life, Op } from './model.ts'
import { isBefore, mayPrecede } from './model.ts'

/** What the rules about data need from the checker. */
export interface Ground {
  readonly report: (kind: FindingKind, op: Op, detail: string) => void
  /** Whether it was acknowledged in a time in which that meant little. */
  readonly isExcused: (op: Op) => boolean
  /** Whether what it saw may have been lost since. */
  readonly isLossy: (op: Op) => boolean
  /** Called once for each such change that is gone. */
  readonly lostInWindow: (op: Op) => void
  /** Told of changes without an answer that are there. */
  readonly happened: (op: Op) => void
}

/** The place of a change's trace in the data. */
export function traceOf({ op, deed }: Op): string | undefined {
  if (deed.kind === 'append' || deed.kind === 'insist') return `log:${op}`
  if (deed.kind === 'change') return `mark:${op}`
  return deed.kind === 'put' ? `gift:${op}` : undefined
}

/** Compares what a request was shown with everything that must and that can have happened by then. */
export function compareData(ground: Ground, life: Life, view: View, asker: Op): void {
  compareTraces(ground, life, view, asker)
  compareCount(ground, life, view.count, asker)
}

function compareTraces(ground: Ground, life: Life, view: View, asker: Op): void {
  const found = new Set<string>()
  for (const trace of view.traces) {
    const change = life.changes.get(trace)
    if (found.has(trace)) ground.report('applied twice', asker, trace)
    else if (change === undefined) ground.report("another's data", asker, `${trace} in ${life.name}`)
    else if (change.result === 'refused') ground.report('applied though refused', asker, trace)
    if (change?.result === 'unknown' && !life.seen.has(trace)) ground.happened(change)
    found.add(trace)
  }
  for (const [trace, change] of life.changes) {
    const isDue = change.result === 'done' && change.begunAt > life.looseUntil && isBefore(change, asker)
    const wasSeen = (life.seen.get(trace) ?? Infinity) < asker.begunAt
    if (found.has(trace)) {
      if (isTakenBefore(ground, life, change, asker)) ground.report('revived', asker, `${trace} had been taken`)
      if (!life.seen.has(trace) && isFirm(ground, life, asker)) life.seen.set(trace, asker.endedAt)
    } else if ((isDue || wasSeen) && !mayBeTaken(life, change, asker)) {
      if (ground.isExcused(change)) ground.lostInWindow(change)
      else ground.report('update lost', asker, `${trace} in ${life.name}`)
      // Once is enough to tell.
      life.changes.delete(trace)
    }
  }
}

/** Whether what it saw must be there from now on. */
function isFirm(ground: Ground, life: Life, asker: Op): boolean {
  return !ground.isLossy(asker) && asker.begunAt > life.looseUntil
}

function mayBeTaken(life: Life, { op }: Op, asker: Op): boolean {
  return life.takes.get(op)?.some((take) => mayPrecede(take, asker)) === true
}

function isTakenBefore(ground: Ground, life: Life, { op }: Op, asker: Op): boolean {
  const taker = life.taken.get(op)
  return taker !== undefined && isBefore(taker, asker) && !ground.isExcused(taker)
}

function compareCount(ground: Ground, life: Life, count: number, asker: Op): void {
  const firm = life.increments.filter((each) => each.result === 'done' && each.begunAt > life.looseUntil)
  const done = firm.filter((each) => isBefore(each, asker))
  const least = done.filter((each) => !ground.isExcused(each)).length
  const most = life.increments.filter((each) => mayPrecede(each, asker)).length
  const seen = life.counts.findLast(({ at }) => at < asker.begunAt)?.count ?? 0
  const at = `${life.name} counts ${count}`
  if (count > most) ground.report('applied twice', asker, `${at} after at most ${most} increments`)
  if (count < least) ground.report('update lost', asker, `${at} after ${least} increments`)
  else if (count < seen) ground.report('update lost', asker, `${at} after it had counted ${seen}`)
  if (isFirm(ground, life, asker)) noteCount(life, count, asker)
}

function noteCount(life: Life, count: number, { endedAt }: Op): void {
  const highest = life.counts.at(-1)?.count ?? -1
  if (count > highest) life.counts.push({ at: endedAt, count })
}

/** An increment was answered with this count. */
export function checkGiven(ground: Ground, life: Life, count: number, asker: Op): void {
  if (asker.begunAt < life.looseUntil) return
  const other = life.given.get(count)
  if (other !== undefined && !ground.isExcused(other) && !ground.isExcused(asker)) {
    ground.report('update lost', asker, `${life.name}: two increments gave ${count}`)
  }
  life.given.set(count, asker)
  // The answer is of the moment after the increment.
  compareCount(ground, life, count, asker)
}

/** A thing that was laid down once was given out. */
export function checkTaken(ground: Ground, life: Life, gift: number, asker: Op): void {
  const other = life.taken.get(gift)
  if (other !== undefined && !ground.isExcused(other) && !ground.isExcused(asker)) {
    ground.report('taken twice', asker, `gift:${gift}`)
  }
  life.taken.set(gift, asker)
}
