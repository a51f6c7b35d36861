import type { Request } from 'express'
import type { Problems } from '../views/forms.ts'
import { lineIn } from './input.ts'

/** All that is kept of a card. */
export interface KeptCard {
  readonly brand: string
  readonly lastFour: string
}

/**
 * Looks at the card in the form as a payment service would, and forgets it: the number, the date and the code go
 * nowhere, neither into the session nor into the database.
 */
export function cardIn(req: Request, now: Date = new Date()): { card: KeptCard; problems: Problems } {
  const number = lineIn(req, 'number', 30).replace(/[ -]/g, '')
  const code = lineIn(req, 'code', 10)
  const problems: Problems = {
    ...(!isCardNumber(number) && { number: 'This is not the number of a card. Try 4242 4242 4242 4242.' }),
    ...(!isStillValid(lineIn(req, 'expires', 10), now) && {
      expires: 'Give month and year, such as 09/29, in the future.',
    }),
    ...(!/^\d{3,4}$/.test(code) && { code: 'The security code has three or four digits.' }),
  }
  return { card: { brand: brandOf(number), lastFour: number.slice(-4) }, problems }
}

function isCardNumber(number: string): boolean {
  if (!/^\d{12,19}$/.test(number)) return false
  // The Luhn sum: from the right, every second digit counts double.
  const sum = Array.from(number)
    .toReversed()
    .reduce((total, text, index) => {
      const digit = Number(text) * (index % 2 === 0 ? 1 : 2)
      return total + (digit > 9 ? digit - 9 : digit)
    }, 0)
  return sum % 10 === 0
}

function isStillValid(text: string, now: Date): boolean {
  const [, month, year] = /^(0[1-9]|1[0-2]) ?\/ ?(?:20)?(\d\d)$/.exec(text) ?? []
  if (month === undefined || year === undefined) return false
  // Valid to the end of its month: Date.UTC counts months from 0, so this is the first of the next one.
  const end = Date.UTC(2000 + Number(year), Number(month))
  return end > now.getTime() && Number(year) <= (now.getUTCFullYear() % 100) + 20
}

function brandOf(number: string): string {
  if (number.startsWith('4')) return 'Visa'
  if (/^(?:5[1-5]|2[2-7])/.test(number)) return 'Mastercard'
  if (/^3[47]/.test(number)) return 'American Express'
  return 'Card'
}
