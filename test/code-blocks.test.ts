import { globSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { root } from '../scripts/lib/project.ts'
import { type Block, blocksOf } from './support/blocks.ts'
import { complaintsOfCompiler } from './support/compile.ts'

const documents = globSync(['*.md', 'docs/**/*.md', 'bench/*.md', 'examples/*/*.md'], { cwd: root }).toSorted()

const EXTENSIONS: Readonly<Record<string, string>> = {
  ts: 'ts',
  typescript: 'ts',
  tsx: 'tsx',
  mts: 'mts',
  cts: 'cts',
  js: 'js',
  javascript: 'js',
  mjs: 'mjs',
  cjs: 'cjs',
}
const OTHER_LANGUAGES = ['sh', 'console', 'sql', 'json', 'html', 'ini', 'toml', 'yaml', 'nginx', 'text', 'lua', 'conf']

/** The programs of a document, by the names of their files. */
function programsOf(blocks: readonly Block[]): ReadonlyMap<string, string> {
  const programs = new Map<string, string>()
  for (const [index, { place, language, code, file, reason }] of blocks.entries()) {
    const extension = EXTENSIONS[language]
    if (extension === undefined || reason !== undefined) continue
    const name = file ?? `block-${index}.${extension}`
    if (programs.has(name)) throw new Error(`${place}: a second ${name}`)
    programs.set(name, code)
  }
  return programs
}

/** What a document tells its reader to have. */
const beside: Readonly<Record<string, readonly (readonly [file: string, code: string])[]>> = {
  'docs/writing-a-store.md': [['my-store.ts', `export { memoryStore as myStore } from 'sojourn/stores/memory'`]],
}

describe('the code in the documents', () => {
  const withCode = documents.filter((document) => programsOf(blocksOf(document)).size > 0)

  it.each(withCode)(
    'of %s compiles as it is printed, under a strict compiler (F17)',
    { timeout: 60_000 },
    (document) => {
      expect(
        complaintsOfCompiler(
          `${document}.blocks`,
          new Map([...programsOf(blocksOf(document)), ...(beside[document] ?? [])]),
        ),
      ).toEqual([])
    },
  )

  it('says in which language it is, and why it is not compiled where it is not', () => {
    const blocks = documents.flatMap(blocksOf)
    expect(blocks.length).toBeGreaterThan(50)
    for (const { place, language, code, reason } of blocks) {
      const isKnown = language in EXTENSIONS || OTHER_LANGUAGES.includes(language)
      if (language === '') expect(code, place).not.toMatch(/\b(?:import|require|const|await|function)\b/)
      else expect(isKnown, `${place}: ${language}`).toBe(true)
      if (reason !== undefined) expect(reason.length, place).toBeGreaterThan(15)
    }
  })
})
