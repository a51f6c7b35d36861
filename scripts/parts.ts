export async function prepareParts(): Promise<void> {}
