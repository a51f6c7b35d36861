/** @throws TypeError with the complaint, which names the option and says what it should be, unless all is well. */
export function assertOption(isWell: boolean, complaint: string): asserts isWell {
  if (!isWell) throw new TypeError(complaint)
}

/**
 * Refuses names that are no options: a timeout that is misspelt and so not in force is a hole that nobody sees.
 * @throws TypeError naming the option and those that there are.
 */
export function checkNames(where: string, given: unknown, names: readonly string[]): void {
  const known = names.join(', ')
  assertOption(typeof given === 'object' && given !== null, `${where}: expected an object with ${known}`)
  for (const key of Object.keys(given)) {
    assertOption(names.includes(key), `${where}: ${JSON.stringify(key.slice(0, 64))} is no option; there are ${known}`)
  }
}

/** @throws TypeError when the value is given and is no function. */
export function checkFunction(option: string, given: unknown, purpose: string): void {
  assertOption(given === undefined || typeof given === 'function', `${option}: expected a function ${purpose}`)
}

/** @throws TypeError when the value is none of the choices. */
export function checkChoice(option: string, given: unknown, choices: readonly string[]): void {
  if (choices.some((choice) => choice === given)) return
  throw new TypeError(`${option}: expected ${choices.map((choice) => `'${choice}'`).join(' or ')}`)
}

/**
 * A whole number from `least` to `most`.
 * @throws TypeError for anything else; `Infinity` is no limit.
 */
export function checkedCount(option: string, value: unknown, least: number = 1, most: number = Infinity): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value
  const upTo = most === Infinity ? '' : ` and at most ${most}`
  throw new TypeError(`${option}: expected an integer of at least ${least}${upTo}`)
}
