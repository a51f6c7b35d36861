import ts from 'typescript'
import { inProject } from './project.ts'

/** The `paths` of tsconfig.json, which is JSON with comments. */
export function checkedPaths(): Record<string, string[]> {
  const { config } = ts.readConfigFile(inProject('tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as {
    config: { compilerOptions: { paths: Record<string, string[]> } }
  }
  return config.compilerOptions.paths
}
