/** Whether the id of a row stands in a test's title as a word of its own: `P1` is not named by `P12` or `STEP1`. */
export function namesRow(title: string, id: string): boolean {
  return new RegExp(`(?<![\\w.-])${id.replaceAll('.', '\\.')}(?![\\w-]|\\.\\d)`).test(title)
}
