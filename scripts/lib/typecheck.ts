/** The package as it is built; the core without any platform; everything with tests, scripts and examples. */
export const typecheckProjects: readonly string[] = ['tsconfig.build.json', 'tsconfig.core.json', 'tsconfig.json']
