import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A disk in memory, small enough to be filled. */
export interface SmallDisk {
  readonly path: string
  /** Takes all space that is left. */
  fill(): void
  free(): void
  remove(): void
}

/** Undefined where this process may not mount one. */
export function smallDisk(megabytes: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'sojourn-disk-'))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path])
  if (status !== 0) {
    rmdirSync(path)
    return undefined
  }
  chmodSync(path, 0o755)
  const ballast = join(path, 'ballast')
  const remove = (): void => {
    process.off('exit', remove)
    spawnSync('umount', ['--lazy', path])
    rmdirSync(path)
  }
  process.on('exit', remove)
  return { path, fill: () => fill(ballast), free: () => rmSync(ballast, { force: true }), remove }
}

function fill(ballast: string): void {
  const file = openSync(ballast, 'a')
  try {
    // In ever smaller pieces, so that not a page is left.
    for (let size = 1 << 20; size >= 1; size >>= 4) writeUntilFull(file, Buffer.alloc(size))
  } finally {
    closeSync(file)
  }
}

function writeUntilFull(file: number, piece: Buffer): void {
  try {
    while (writeSync(file, piece) === piece.length);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}
