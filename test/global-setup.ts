import { prepareParts } from '../scripts/parts.ts'

export default async function setup(): Promise<void> {
  await prepareParts()
}
