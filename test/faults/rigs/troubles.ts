import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '../../../scripts/servers/server.ts'
import type { Blow } from './rig.ts'
import type { SmallDisk } from './small-disk.ts'

const DOWN_UP_TO_MS = 1_000
const FULL_MS = 4_000

/** Kills the server in the middle of its work, and starts it again after a while. */
export function killing(server: Server, random: () => number, times: number): Blow {
  return {
    name: 'server killed with -9',
    times,
    async strike() {
      await server.kill9()
      await sleep(random() * DOWN_UP_TO_MS)
      await server.restart()
    },
  }
}

/** Takes all space from the server for a while; if it does not live through that, it is started again. */
export function filling(server: Server, disk: SmallDisk, times: number): Blow {
  return {
    name: 'disk full',
    times,
    async strike() {
      disk.fill()
      await sleep(FULL_MS)
      disk.free()
      // It may just be about to give up.
      await sleep(500)
      if (!server.isRunning) await server.restart()
    },
  }
}

export const NO_SMALL_DISK = 'THE DISK WAS NOT FILLED: this process may not mount a small one (it takes root)'
