import { jsonCodec } from '../../../core/data/codec.ts'

// Size is the engine's to judge, when it saves.
const codec = jsonCodec({ depth: 1000, keys: Number.MAX_SAFE_INTEGER })

/**
 * Refuses, at the assignment, what a stored session could not give back.
 * @throws SessionError `not-encodable`, naming the key and what is wrong with its value.
 */
export function refuseUnkeepable(key: string, value: unknown): void {
  codec.encode({ [key]: value })
}
