// DOS-22: every regular expression of the package, found by the compiler, whether or not it meets untrusted text.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { root } from '../../scripts/lib/project.ts'

interface Pattern {
  readonly at: string
  readonly regex: RegExp
}

/** As long as what servers accept of headers, doubled. */
const LENGTH = 32_768
/** What is linear takes a hundredth of it; what is quadratic, a second and more. */
const LONGEST_MS = 100

const patterns = globSync('src/**/*.ts', { cwd: root })
  .filter((file) => !file.endsWith('.test.ts') && !file.startsWith(join('src', 'testing')))
  .flatMap(patternsIn)

function patternsIn(file: string): Pattern[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest)
  const found: Pattern[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const [, body = '', flags = ''] = /^\/(.*)\/(\w*)$/s.exec(node.text) ?? []
      found.push({ at: `${file}: ${node.text}`, regex: new RegExp(body, flags) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

it('DOS-22: no pattern repeats what itself repeats without bound', () => {
  expect(patterns.length).toBeGreaterThan(20)
  expect(patterns.filter(({ regex }) => repeatsRepetition(regex.source)).map(({ at }) => at)).toEqual([])
})

it('DOS-22: no pattern takes long for any text, be it made for it', () => {
  const slow = patterns.flatMap(({ at, regex }) => {
    const worst = Math.max(...hostileTexts(regex).map((text) => surelyTaken(regex, text)))
    return worst < LONGEST_MS ? [] : [`${Math.round(worst)} ms: ${at}`]
  })
  expect(slow).toEqual([])
}, 120_000)

it('DOS-22: both checks see what they look for', () => {
  expect(['(a+)+', '(?:a*b?)*', '(a|b+){2,}'].every(repeatsRepetition)).toBe(true)
  expect(['(ab)+', '(?:a{1,3})+', '[(a+)]+', String.raw`\(a+\)+`].some(repeatsRepetition)).toBe(false)
  expect(Math.max(...hostileTexts(/a+$/).map((text) => timeOf(/a+$/, text)))).toBeGreaterThan(LONGEST_MS)
})

/** Whether a group that holds an unbounded repetition is itself repeated without bound. */
function repeatsRepetition(source: string): boolean {
  const plain = source.replaceAll(/\\./gs, 'x').replaceAll(/\[[^\]]*\]/g, 'x')
  const isUnbounded = (at: number): boolean => /^(?:[*+]|\{\d+,\})/.test(plain.slice(at))
  const open: boolean[] = []
  for (let i = 0; i < plain.length; i++) {
    if (plain[i] === '(') open.push(false)
    else if (plain[i] === ')') {
      const holds = open.pop() ?? false
      if (holds && isUnbounded(i + 1)) return true
      if ((holds || isUnbounded(i + 1)) && open.length > 0) open[open.length - 1] = true
    } else if (isUnbounded(i) && open.length > 0) open[open.length - 1] = true
  }
  return false
}

/** Long texts of one or two characters of the pattern, that do not match at their end. */
function hostileTexts({ source }: RegExp): string[] {
  const alphabet = [...new Set(['a', '0', ' ', ...source.replaceAll(/\\[a-zA-Z]/g, '')])]
  const units = alphabet.flatMap((a) => [a, ...alphabet.slice(0, 4).map((b) => a + b)])
  return units.map((unit) => `${unit.repeat(LENGTH / unit.length)}\n\u0000`)
}

/** What the machine did beside it does not count. */
function surelyTaken(regex: RegExp, text: string): number {
  const first = timeOf(regex, text)
  return first < LONGEST_MS ? first : Math.min(first, ...Array.from({ length: 3 }, () => timeOf(regex, text)))
}

function timeOf(regex: RegExp, text: string): number {
  const own = new RegExp(regex.source, regex.flags)
  const start = performance.now()
  if (own.global) text.replaceAll(own, '')
  else own.test(text)
  return performance.now() - start
}
