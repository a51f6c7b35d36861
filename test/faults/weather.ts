import type { Weather } from './proxy.ts'
import { CALM } from './proxy.ts'

/** Kinds of weather on the way to the servers, for parts of a campaign one after the other. */
export const weathers: readonly (readonly [name: string, Weather])[] = [
  ['calm', CALM],
  ['delays', { ...CALM, delay: 0.3, delayUpTo: 12 }],
  ['cuts', { ...CALM, cut: 0.012, cutReply: 0.012 }],
  ['dropped replies', { ...CALM, dropReply: 0.02 }],
  ['stalls', { ...CALM, stall: 0.003, stallFor: 2_200 }],
  ['ghosts', { ...CALM, ghost: 0.012, ghostFor: 1_500 }],
  [
    'storm',
    {
      delay: 0.1,
      delayUpTo: 10,
      cut: 0.005,
      dropReply: 0.008,
      cutReply: 0.005,
      stall: 0.001,
      stallFor: 2_000,
      ghost: 0.005,
      ghostFor: 1_000,
    },
  ],
]
