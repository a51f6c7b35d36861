import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page, Response } from 'playwright-core'
import { chromium } from 'playwright-core'

/** A browser profile on disk, that can be opened again with other settings. */
export interface Profile {
  /** Opens a window; `keepsCookies: false` is the browser's own setting to refuse them all. */
  open(settings: { readonly keepsCookies: boolean }): Promise<Window>
  remove(): Promise<void>
}

export interface Window {
  readonly page: Page
  readonly context: BrowserContext
  /** The responses to navigations so far. */
  readonly responses: readonly Response[]
}

const BLOCKED = 2

export async function newProfile(executablePath: string): Promise<Profile> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-profile-'))
  return {
    async open({ keepsCookies }) {
      const values = keepsCookies ? {} : { cookies: BLOCKED }
      await mkdir(join(folder, 'Default'), { recursive: true })
      const preferences = { profile: { default_content_setting_values: values } }
      await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences))
      const context = await chromium.launchPersistentContext(folder, {
        executablePath,
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      })
      const page = context.pages()[0] ?? (await context.newPage())
      const responses: Response[] = []
      page.on('response', (response) => {
        if (response.request().isNavigationRequest()) responses.push(response)
      })
      return { page, context, responses }
    },
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}
