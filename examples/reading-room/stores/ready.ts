import type { OpenStore } from './store.ts'

/** A store whose server has not been asked for anything yet. */
interface Unready extends OpenStore {
  readonly setup: () => Promise<void>
}

/** Lets the store make what it needs on its server. @throws Error that names the server and what is wrong with it. */
export async function ready(url: string, { store, setup, disconnect }: Unready): Promise<OpenStore> {
  try {
    await setup()
    return { store, disconnect }
  } catch (error) {
    await disconnect().catch(() => undefined)
    // The address without the name and the password that may be in it.
    const { protocol, host, pathname } = new URL(url)
    throw new Error(`The session store at ${protocol}//${host}${pathname} cannot be used: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

/** What happened first: the error at the bottom, of which there is one for each address of a host. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  return (error.message || error.name).split('\n')[0] ?? ''
}
