import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Manifest {
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

  it('brings one other package along, for platforms without node:crypto', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['@noble/hashes'])
  })
})
