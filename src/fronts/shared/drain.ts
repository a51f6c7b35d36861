import type { NodeResponse } from './node-response.ts'

type Listener = (...args: readonly unknown[]) => unknown

/**
 * For a response whose writers are told to wait. What is returned ends that, and with `true` tells all who wait that they
 * may go on: also those whom other middleware has led to a stream of its own (`compression` does it by taking over `on`),
 * because that stream was never full, and would tell them nothing.
 */
export function noteWaiting(response: NodeResponse): (isDrained: boolean) => void {
  const waiting: Listener[] = []
  const before: unknown = Object.hasOwn(response, 'on') ? Reflect.get(response, 'on') : undefined
  const own = (name: unknown, listener: Listener): unknown => {
    if (name === 'drain') waiting.push(listener)
    return typeof before === 'function' ? Reflect.apply(before, response, [name, listener]) : response
  }
  if (before !== undefined) Reflect.set(response, 'on', own)
  return (isDrained) => {
    if (before !== undefined && Reflect.get(response, 'on') === own) Reflect.set(response, 'on', before)
    // In a turn of its own, as Node does it: an error in a listener must not look like one of the session.
    if (isDrained) queueMicrotask(() => tell(response, waiting))
  }
}

function tell(response: NodeResponse, waiting: readonly Listener[]): void {
  const told = waiting.length === 0 ? [] : response.rawListeners('drain')
  response.emit('drain')
  for (const listener of waiting) if (!told.includes(listener)) Reflect.apply(listener, response, [])
}
