/** Says on standard error what nobody may overlook among pages of output. */
export function loudly(title: string, text: string): void {
  const line = '!'.repeat(80)
  console.error(`${line}\n!!  ${title}\n${text.replace(/^/gm, '!!  ')}\n${line}`)
}
