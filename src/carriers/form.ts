import type { Carrier, RequestFacts } from '../core/web/carrier.ts'
import { checkNames, optionNames } from '../core/options.ts'
import { checkedParameter } from './address.ts'
import { fallbackCarrier } from './fallback.ts'
import type { CredentialSource, FallbackOptions } from './fallback.ts'
import { hiddenField } from './html.ts'

/** Which form field carries the token, and for whom. */
export interface FormCarrierOptions extends FallbackOptions {
  /** @defaultValue 'sid' */
  readonly field?: string
}

/** The carrier that {@link formCarrier} makes. */
export interface FormCarrier extends Carrier {
  readonly name: 'form'
  /**
   * A hidden input for the application's form; empty when this session's client keeps cookies.
   * A session that this request began has a token from `session.start()` on; call that before writing the page.
   */
  field(session: CredentialSource): string
  strip(url: string): string
}

export type { CredentialSource, FallbackOptions } from './fallback.ts'

const NAME = 'form'
const NAMES = optionNames<FormCarrierOptions>({
  field: true,
  carriesSubjects: true,
  marker: true,
  testCookie: true,
  now: true,
})

/**
 * Carries the token in a hidden field of the pages' forms, for clients that were shown to keep no cookies. The front has
 * to give the parsed body (`facts.field`).
 */
export function formCarrier(options: FormCarrierOptions = {}): FormCarrier {
  checkNames('formCarrier', options, NAMES)
  const name = checkedParameter('formCarrier: field', options.field ?? 'sid')
  const read = (facts: RequestFacts): readonly string[] => {
    const value = facts.field?.(name)
    return typeof value === 'string' && value !== '' ? [value] : []
  }
  return {
    ...fallbackCarrier(NAME, options, read),
    field: (session) => {
      const text = session.credential(NAME)
      return text === undefined ? '' : hiddenField(name, text)
    },
  }
}
