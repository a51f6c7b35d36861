/** @throws TypeError with the complaint, which names the option and says what it should be, unless all is well. */
export function assertOption(isWell: boolean, complaint: string): asserts isWell {
  if (!isWell) throw new TypeError(complaint)
}

/** The names of all options of a type, from an object that has each of them: the compiler finds one that is missing. */
export function optionNames<Options>(names: Readonly<Record<keyof Options, true>>): readonly string[] {
  return Object.keys(names)
}

/**
 * Refuses names that are no options: a timeout that is misspelt and so not in force is a hole that nobody sees.
 * @throws TypeError naming the option, the one that was probably meant, and those that there are.
 */
export function checkNames(where: string, given: unknown, names: readonly string[]): void {
  checkObject(where, given, names)
  for (const key of Object.keys(given)) {
    if (!names.includes(key)) throw new TypeError(`${where}: ${unknownName(key.slice(0, 64), names)}`)
  }
}

/** @throws TypeError when the value is no object that could have these names. */
export function checkObject(where: string, given: unknown, names: readonly string[]): asserts given is object {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  if (!isObject) throw new TypeError(`${where}: expected an object with ${listed(names)}`)
}

function unknownName(key: string, names: readonly string[]): string {
  const [meant] = [0, 1, 2].flatMap((changes) => names.filter((name) => isAlike(key, name, changes)))
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return `${JSON.stringify(key)} is no option; there are ${listed(names)}${hint}`
}

function listed(names: readonly string[]): string {
  return names.join(', ') || 'none'
}

/** Whether a name was probably meant: with that many letters too many, too few or wrong, and less than half of it. */
function isAlike(key: string, name: string, changes: number): boolean {
  return changes * 2 <= name.length && isWithin(key.toLowerCase(), name.toLowerCase(), changes)
}

function isWithin(a: string, b: string, changes: number): boolean {
  let same = 0
  while (same < a.length && a[same] === b[same]) same++
  const [restA, restB] = [a.slice(same), b.slice(same)]
  if (restA === '' || restB === '') return restA.length + restB.length <= changes
  if (changes === 0) return false
  const [nextA, nextB, left] = [restA.slice(1), restB.slice(1), changes - 1]
  return isWithin(nextA, restB, left) || isWithin(restA, nextB, left) || isWithin(nextA, nextB, left)
}

/** @throws TypeError when the value is given and is no function. */
export function checkFunction(option: string, given: unknown, purpose: string): void {
  assertOption(given === undefined || typeof given === 'function', `${option}: expected a function ${purpose}`)
}

/** @throws TypeError when the clock is given and is no function. */
export function checkClock(option: string, given: unknown): void {
  checkFunction(option, given, 'that gives epoch milliseconds')
}

/** @throws TypeError when the value is given and is neither true nor false. */
export function checkFlag(option: string, given: unknown): void {
  assertOption(given === undefined || typeof given === 'boolean', `${option}: expected true or false`)
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
