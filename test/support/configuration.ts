import ts from 'typescript'
import { sourceOf, subpaths } from '../../scripts/lib/exports.ts'
import { inProject } from '../../scripts/lib/project.ts'

/** One option of something that the package exports. */
export interface Option {
  readonly name: string
  /** What its docstrings say after `@defaultValue`; undefined where they say nothing. */
  readonly default: string | undefined
  /** `in its form`: required in one of several forms that the options may have, and absent from the others. */
  readonly need: 'optional' | 'required' | 'in its form'
  readonly meaning: string
  /** The file that declares it. */
  readonly file: string
}

/** Something that the package exports. */
export interface Export {
  readonly name: string
  readonly kind: 'value' | 'type'
  readonly meaning: string
  /** Of a type that somebody writes options in. */
  readonly options: readonly Option[]
}

/** What is exported under one name of the package. */
export interface Entry {
  readonly specifier: string
  readonly exports: readonly Export[]
}

const WRITTEN_BY_USERS = /(?:Options|Plan|Rule)$/
/** A client's options, of which this is only the part that the store sets. */
const OF_CLIENTS = ['NodeRedisCommandOptions']

/** Everything that the package exports, with the options in it, as the compiler knows them. */
export function configuration(): readonly Entry[] {
  const { config } = ts.readConfigFile(inProject('tsconfig.build.json'), (path) => ts.sys.readFile(path)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, inProject(), { noEmit: true })
  const program = ts.createProgram(
    subpaths.map(({ file }) => sourceOf(file)),
    options,
  )
  const checker = program.getTypeChecker()
  return subpaths.map(({ specifier, file }) => {
    const source = program.getSourceFile(sourceOf(file))
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
    if (module === undefined) throw new Error(`${specifier} is no module`)
    return { specifier, exports: checker.getExportsOfModule(module).map((symbol) => exportOf(checker, symbol)) }
  })
}

function exportOf(checker: ts.TypeChecker, exported: ts.Symbol): Export {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
  const { name } = exported
  const isOptions = WRITTEN_BY_USERS.test(name) && !OF_CLIENTS.includes(name)
  return {
    name,
    kind: symbol.flags & ts.SymbolFlags.Value ? 'value' : 'type',
    meaning: meaningOf(checker, symbol),
    options: isOptions ? optionsOf(checker, checker.getDeclaredTypeOfSymbol(symbol)) : [],
  }
}

function optionsOf(checker: ts.TypeChecker, type: ts.Type): readonly Option[] {
  const forms = type.isUnion() ? type.types : [type]
  const all = forms
    .flatMap((form) => checker.getPropertiesOfType(form))
    .filter((property) => !isNever(checker, property))
  return [...Map.groupBy(all, ({ name }) => name)].map(([name, found]) => ({
    name,
    default: distinct(found.map((property) => defaultOf(checker, property))).join(' or ') || undefined,
    need: needOf(found, forms.length),
    meaning: distinct(found.map((property) => meaningOf(checker, property)))[0] ?? '',
    file: found[0]?.declarations?.[0]?.getSourceFile().fileName.slice(inProject('src/').length) ?? '',
  }))
}

function needOf(found: readonly ts.Symbol[], forms: number): Option['need'] {
  if (found.some(({ flags }) => flags & ts.SymbolFlags.Optional)) return 'optional'
  return found.length === forms ? 'required' : 'in its form'
}

function distinct(texts: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(texts.filter((text) => text !== undefined && text !== ''))] as string[]
}

function defaultOf(checker: ts.TypeChecker, property: ts.Symbol): string | undefined {
  return textOf(property.getJsDocTags(checker).find(({ name }) => name === 'defaultValue')?.text)
}

/** One that is there only to say that it goes with another form. */
function isNever(checker: ts.TypeChecker, property: ts.Symbol): boolean {
  return (checker.getNonNullableType(checker.getTypeOfSymbol(property)).flags & ts.TypeFlags.Never) !== 0
}

/** The first sentence of a docstring. */
function meaningOf(checker: ts.TypeChecker, symbol: ts.Symbol): string {
  const text = textOf(symbol.getDocumentationComment(checker)) ?? ''
  return /^.*?[.:](?= [A-Z`]|$)/.exec(text)?.[0].replace(/[.:]$/, '') ?? text
}

function textOf(parts: ts.SymbolDisplayPart[] | undefined): string | undefined {
  const text = ts.displayPartsToString(parts).replaceAll(/\{@link ([^}\s]+)[^}]*\}/g, '`$1`')
  return parts === undefined ? undefined : text.replaceAll(/\s+/g, ' ').trim()
}
