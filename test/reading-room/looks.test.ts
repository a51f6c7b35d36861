import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { cacheFolder } from '../../scripts/lib/project.ts'
import { useStage } from './support/browser.ts'
import { addToCart, fillAddress, fillCard, newPerson, next, signUp } from './support/deeds.ts'

const stage = useStage()
/** Pictures for a person to look at; the folder is no part of the repository. */
const folder = join(cacheFolder, 'reading-room')

it('every page fits a telephone of 360 pixels, names its fields, and makes the browser complain about nothing', async () => {
  mkdirSync(folder, { recursive: true })
  const { page, go } = await stage().visitor()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // A page with an error status is itself such a message.
    if (message.type() === 'error' && !message.text().includes('status of')) complaints.push(message.text())
  })
  const faults: string[] = []
  const look = async (name: string): Promise<void> => {
    faults.push(...(await faultsOf(page)).map((fault) => `${name}: ${fault}`))
    await takePictures(page, name)
  }

  for (const path of ['/', '/articles', '/articles/the-cloakroom-ticket', '/shop', '/shop/winterreise', '/sign-in']) {
    await go(path)
    await look(path.slice(1).replace('/', '-') || 'home')
  }
  await go('/cart')
  await look('cart-empty')
  await addToCart(page, 'winterreise')
  await addToCart(page, 'the-odyssey', 2)
  await look('cart')
  await go('/checkout')
  await next(page)
  await look('checkout-problems')
  await fillAddress(page)
  await next(page)
  await look('checkout-gift')
  await page.getByLabel('Message on the card').fill('Wherever you go,\n\nkeep your coat.')
  await next(page)
  await look('checkout-payment')
  await fillCard(page)
  await next(page)
  await look('checkout-confirmation')
  await page.getByRole('button', { name: 'Place the order' }).click()
  await look('order')
  await go('/sign-up')
  await look('sign-up')
  await signUp(page, newPerson('Maximiliana-Alexandrina'))
  await page.locator('.menu summary').click()
  await look('menu')
  for (const path of ['/articles/new', '/articles/mine', '/orders', '/devices', '/nowhere', '/count']) {
    await go(path)
    await look(path.slice(1).replace('/', '-'))
  }
  await page.getByRole('button', { name: 'Reset' }).click()
  await look('reset')
  expect(faults).toEqual([])
  expect(complaints).toEqual([])
}, 120_000)

it('a person without a mouse can skip to the content and open the menu', async () => {
  const { page, go } = await stage().visitor()
  await signUp(page, newPerson('Annie'))
  await go('/')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.id')).toBe('main')
  await page.locator('.menu summary').focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Write an article' }).waitFor()
})

/** Looked for inside the page, where this program's types do not reach. */
const inspection = `(() => {
  const faults = []
  if (document.documentElement.scrollWidth > innerWidth) faults.push('scrolls sideways')
  if (document.querySelectorAll('h1').length !== 1) faults.push('has not exactly one h1')
  for (const landmark of ['header', 'main', 'footer', 'nav']) {
    if (document.querySelector(landmark) === null) faults.push('has no ' + landmark)
  }
  for (const field of document.querySelectorAll('input:not([type=hidden]), textarea')) {
    if (field.labels.length === 0) faults.push('has no label for ' + field.name)
    if (parseFloat(getComputedStyle(field).fontSize) < 16) faults.push('makes a telephone zoom in on ' + field.name)
  }
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id)
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push('uses the id ' + id + ' twice')
  return faults
})()`

async function faultsOf(page: Page): Promise<readonly string[]> {
  await page.setViewportSize({ width: 360, height: 740 })
  return page.evaluate<string[]>(inspection)
}

async function takePictures(page: Page, name: string): Promise<void> {
  for (const [size, width, height] of [['phone', 390, 844] as const, ['desktop', 1280, 800] as const]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme })
      await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true })
    }
  }
}
