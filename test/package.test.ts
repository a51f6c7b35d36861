import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { subpaths } from '../scripts/lib/exports.ts'
import { root } from '../scripts/lib/project.ts'

interface Manifest {
  readonly version: string
  readonly homepage: string
  readonly bugs: string
  readonly repository: { readonly url: string }
  readonly engines: { readonly node: string }
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

function readText(file: string): string {
  return readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
}

function read(file: string): unknown {
  return JSON.parse(readText(file))
}

/** The files that would be published, but for those that are built. */
function packedFiles(): readonly string[] {
  const output = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
  })
  const [archive] = JSON.parse(output) as readonly { readonly files: readonly { readonly path: string }[] }[]
  return archive?.files.map(({ path }) => path) ?? []
}

/** Where the links and pictures of a document lead that do not leave the package, from the package's folder. */
function linksOf(document: string): readonly string[] {
  const text = readText(document).replaceAll(/^[ \t]*```.*?^[ \t]*```/gms, '')
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)].map(([, a, b]) => a ?? b ?? '')
  return targets
    .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    .map((target) => join(dirname(document), target.replace(/#.*/, '')))
}

const manifest = read('package.json') as Manifest

describe('the package', () => {
  it('admits the Nodes on which the built package is tested, from the first of them on (F18)', () => {
    expect(manifest.engines.node).toBe('^20.19.0 || >=22.12.0')
    const { optionalDependencies } = read('test/runtimes/package.json') as Manifest
    const tested = Object.values(optionalDependencies ?? {}).map((version) => version.split('@')[1])
    expect(tested).toEqual(expect.arrayContaining(['20.19.0', '22.12.0', '24.0.0']))
  })

  it('VULN-34: has words for those whose Node lacks the fixes of its line', () => {
    for (const fixed of ['20.20.2', '22.22.2', '24.14.1']) expect(readText('SECURITY.md')).toContain(fixed)
  })

  it('has an address for its source, its faults and its front page (F19)', () => {
    expect(manifest.repository.url).toMatch(/^git\+https:\/\/\S+\.git$/)
    for (const address of [manifest.homepage, manifest.bugs]) expect(URL.canParse(address)).toBe(true)
  })

  it('holds what its documents link to (F19)', { timeout: 60_000 }, () => {
    const packed = packedFiles()
    const documents = packed.filter((file) => file.endsWith('.md'))
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'SECURITY.md', 'docs/fronts.md']))
    const dead = documents.flatMap((document) =>
      linksOf(document)
        .filter((link) => !packed.includes(link) && !packed.some((file) => file.startsWith(`${link}/`)))
        .map((link) => `${document}: ${link}`),
    )
    expect(dead).toEqual([])
  })

  it('names everything that it exports in its list of changes (F19)', () => {
    const changes = readText('CHANGELOG.md')
    for (const { specifier } of subpaths) expect(changes).toContain(`\`${specifier}\``)
    expect(changes).toContain(`## ${manifest.version}\n`)
  })

  it('brings one other package along, for platforms without node:crypto', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['@noble/hashes'])
  })
})
