import type { Codec } from '../../../core/data/codec.ts'
import { strictCodec } from '../../../core/data/codec.ts'

/**
 * Refuses, at the assignment, what a session could not give back that is written by the codec.
 * @throws SessionError `not-encodable`, naming the key and what is wrong with its value.
 */
export type Refusal = (key: string, value: unknown) => void

/** The refusal for sessions that a codec writes. */
export function refusalFor(codec: Codec): Refusal {
  return (key, value) => void codec.encode({ [key]: value })
}

// Size is the engine's to judge, when it saves.
const strict = strictCodec({ depth: 1000, keys: Number.MAX_SAFE_INTEGER })

/** The refusal for sessions that are kept as JSON. */
export const refuseUnkeepable: Refusal = refusalFor(strict)
