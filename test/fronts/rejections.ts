import { onTestFinished } from 'vitest'

/** Collects, until the test ends, the rejections that nobody handles. */
export function watchRejections(): () => readonly unknown[] {
  const rejections: unknown[] = []
  const note = (reason: unknown): void => {
    rejections.push(reason)
  }
  process.on('unhandledRejection', note)
  onTestFinished(() => {
    process.off('unhandledRejection', note)
  })
  return () => rejections
}
