import { prepareParts } from '../scripts/parts.ts'

export default async function setup(): Promise<void> {
  await prepareParts(['chromium', 'sqlite3', 'openssl', 'curl', 'python3'])
}
