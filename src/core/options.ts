/**
 * Refuses names that are no options: a timeout that is misspelt and so not in force is a hole that nobody sees.
 * @throws TypeError naming the option and those that there are.
 */
export function checkNames(where: string, given: unknown, names: readonly string[]): void {
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(`${where}: expected an object with ${names.join(', ')}`)
  }
  for (const key of Object.keys(given)) {
    if (!names.includes(key)) {
      throw new TypeError(`${where}: ${JSON.stringify(key.slice(0, 64))} is no option; there are ${names.join(', ')}`)
    }
  }
}

/** @throws TypeError when the value is given and is no function. */
export function checkFunction(option: string, given: unknown, purpose: string): void {
  if (given !== undefined && typeof given !== 'function')
    throw new TypeError(`${option}: expected a function ${purpose}`)
}

/** @throws TypeError when the value is given and is none of the choices. */
export function checkChoice(option: string, given: unknown, choices: readonly string[]): void {
  if (given === undefined || choices.some((choice) => choice === given)) return
  throw new TypeError(`${option}: expected ${choices.map((choice) => `'${choice}'`).join(' or ')}`)
}

/**
 * A whole number from 1 to `most`.
 * @throws TypeError for anything else; `Infinity` is no limit.
 */
export function checkedCount(option: string, value: unknown, most: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most}`
  throw new TypeError(`${option}: expected an integer of at least 1${upTo}`)
}

/** @throws TypeError when the value is no list of at least one. */
export function checkList(option: string, given: unknown, remedy: string): void {
  if (!Array.isArray(given) || given.length === 0) throw new TypeError(`${option}: ${remedy}`)
}
