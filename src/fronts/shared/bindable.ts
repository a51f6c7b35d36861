import { needsAddress } from '../../core/binding.ts'
import type { Policy } from '../../core/policy.ts'

/**
 * For fronts that are told the client's address by the application.
 * @throws TypeError when sessions are bound to addresses and nobody tells them: a binding that binds nothing.
 */
export function checkBindable(
  front: string,
  sessions: { policy(): Policy },
  options: { readonly clientAddress?: unknown; readonly trustProxy?: boolean | number },
): void {
  const isTold = options.clientAddress !== undefined || Number(options.trustProxy ?? 0) > 0
  if (isTold || !needsAddress(sessions.policy())) return
  throw new TypeError(
    `${front}: bind: '${sessions.policy().bind}' needs the client's address; give clientAddress, or trustProxy where a proxy tells it`,
  )
}
