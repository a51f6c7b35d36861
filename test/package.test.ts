import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  engines: { node: string }
  dependencies: Record<string, string>
}

describe('the package', () => {
  it('VULN-34: asks for a Node that has the fixes of its line', () => {
    // 20.20.2, 22.22.2 and 24.14.1 fixed the uncatchable stack overflow and the hash flooding of JSON.parse.
    expect(manifest.engines.node).toBe('>=20.20.2 <21 || >=22.22.2 <23 || >=24.14.1')
  })

  it('brings one other package along, for platforms without node:crypto', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['@noble/hashes'])
  })
})
