/** On `globalThis`, because a hot reload may load this very module a second time. */
const REGISTRY = Symbol.for('sojourn.sessions')

/**
 * The manager of that name in this process; `build` is called only for the first one. So a set-up module that is loaded
 * again gets the manager it made before, with its store and its sessions.
 */
export function registered<T>(name: string, build: () => T): T {
  const managers = registry<T>()
  const existing = managers.get(name)
  if (existing !== undefined) return existing
  const built = build()
  managers.set(name, built)
  return built
}

/** Forgets a manager that has been closed, so that the name can be used anew. */
export function unregister(name: string): void {
  registry().delete(name)
}

function registry<T>(): Map<string, T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file knows the symbol
  const holder = globalThis as { [REGISTRY]?: Map<string, T> }
  return (holder[REGISTRY] ??= new Map())
}
