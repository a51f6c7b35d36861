// A thread that mints tokens and sends them back; for the row about a random generator under heavy demand.
import { parentPort, workerData } from 'node:worker_threads'
import { mintToken } from '../../src/core/token.ts'

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- not a window's
parentPort?.postMessage(Array.from({ length: Number(workerData) }, () => mintToken('AAA')))
