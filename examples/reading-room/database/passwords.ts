import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

// One of the OWASP password storage cheat sheet's settings for scrypt: 16 MiB of memory, five passes.
const COST = { N: 2 ** 14, r: 8, p: 5 } as const
const KEY_LENGTH = 32
const SALT_LENGTH = 16

/** Stands in for the hash of a user who does not exist. */
const NOBODY = format(COST, Buffer.alloc(SALT_LENGTH), Buffer.alloc(KEY_LENGTH))

interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/** Makes what is stored instead of a password: salt and hash, with the cost so that it can be raised later. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_LENGTH)
  return format(COST, salt, await derive(password, salt, COST))
}

/**
 * Tells whether the password is the right one. Without a stored hash the answer is false after the same work: the time
 * that an answer takes must not tell which e-mail addresses have an account.
 */
export async function isRightPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [, N, r, p, salt = '', hash = ''] = (stored ?? NOBODY).split('$')
  const expected = Buffer.from(hash, 'base64url')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(password, Buffer.from(salt, 'base64url'), cost)
  return expected.length === actual.length && timingSafeEqual(actual, expected) && stored !== undefined
}

function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // NFKC: the same password typed on two kinds of keyboard becomes the same bytes.
    scrypt(password.normalize('NFKC'), salt, KEY_LENGTH, { ...cost, maxmem: 64 * 1024 * 1024 }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

function format(cost: Cost, salt: Buffer, hash: Buffer): string {
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}
