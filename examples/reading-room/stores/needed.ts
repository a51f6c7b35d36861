/** Loads a package that only some settings need. @throws Error that says what to install. */
export async function needed<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    if (!isMissing || !error.message.includes(`'${name}'`)) throw error
    throw new Error(`SESSION_STORE asks for the package ${name}, which is not installed: npm install ${name}`, {
      cause: error,
    })
  }
}
