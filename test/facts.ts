import type { RequestFacts } from '../src/core/web/carrier.ts'

/** A request, as a front would tell it to the engine. */
export interface FactsInput {
  readonly method?: string
  readonly url?: string
  readonly secure?: boolean
  readonly clientAddress?: string
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  readonly fields?: Readonly<Record<string, string>>
}

/** Facts with the defaults of an ordinary page view over https. */
export function factsOf(input: FactsInput = {}): RequestFacts {
  const headers = new Map(Object.entries({ host: 'shop.example', ...input.headers }))
  const fields = new Map(Object.entries(input.fields ?? {}))
  return {
    method: input.method ?? 'GET',
    url: input.url ?? '/',
    secure: input.secure ?? true,
    ...(input.clientAddress === undefined ? {} : { clientAddress: input.clientAddress }),
    header: (name) => headers.get(name),
    field: (name) => fields.get(name),
  }
}
