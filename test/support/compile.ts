import { resolve } from 'node:path'
import ts from 'typescript'
import { inProject, root } from '../../scripts/lib/project.ts'
import { checkedPaths } from '../../scripts/lib/tsconfig.ts'

// What the applications of our readers have at most; not this project's own settings.
const options: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2024,
  lib: ['lib.es2024.d.ts'],
  types: ['node'],
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  allowJs: true,
  checkJs: true,
  paths: Object.fromEntries(
    Object.entries(checkedPaths()).map(([name, files]) => [name, files.map((file) => inProject(file))]),
  ),
}

/** Each file of the libraries is read once for all programs. */
const libraries = new Map<string, ts.SourceFile | undefined>()

/**
 * What a strict compiler says of programs that stand in one folder, in which or above which their packages are found: a folder
 * of this project, unless it is named in full. The folder and the files need not exist.
 */
export function complaintsOfCompiler(folder: string, files: ReadonlyMap<string, string>): readonly string[] {
  const sources = new Map([...files].map(([name, code]) => [resolve(root, folder, name), code]))
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile, directoryExists } = host
  host.fileExists = (path) => sources.has(path) || fileExists.call(host, path)
  host.readFile = (path) => sources.get(path) ?? readFile.call(host, path)
  host.directoryExists = (path) =>
    [...sources.keys()].some((file) => file.startsWith(`${path}/`)) || directoryExists?.call(host, path) === true
  host.getSourceFile = (path, ...rest) => {
    if (sources.has(path)) return getSourceFile.call(host, path, ...rest)
    if (!libraries.has(path)) libraries.set(path, getSourceFile.call(host, path, ...rest))
    return libraries.get(path)
  }
  const program = ts.createProgram([...sources.keys()], options, host)
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file === undefined || start === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1
    return `${file?.fileName.slice(root.length) ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}
