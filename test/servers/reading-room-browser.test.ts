import { describe, expect, it } from 'vitest'
import { useBrowser } from '../reading-room/support/browser.ts'
import {
  addToCart,
  cartLines,
  checkOut,
  newPerson,
  releaseTogether,
  signIn,
  signOut,
  signUp,
} from '../reading-room/support/deeds.ts'
import { startPair } from './support/pair.ts'
import { sessionServers } from './support/session-stores.ts'

const visitorOf = useBrowser()

describe.each(sessionServers)('a person in Chromium and two processes on $name', (place) => {
  it('does not notice that two serve the pages, nor that one of them is killed', async (context) => {
    const { url, processes, served } = await startPair(context, place)
    const { page, context: browser, go } = await visitorOf(url)
    const ada = newPerson('Ada')
    await addToCart(page, 'walden', 2)
    await signUp(page, ada)
    expect(await cartLines(page)).toEqual(['2 × Walden'])

    // Two tabs, whose forms arrive together, one at each process.
    const tabs = [page, await browser.newPage()]
    await tabs[0]?.goto('/shop/winterreise')
    await tabs[1]?.goto('/shop/the-odyssey')
    await releaseTogether(tabs, '**/cart/add/*')
    await Promise.all(tabs.map((tab) => tab.getByRole('button', { name: 'Add to cart' }).click()))
    await Promise.all(tabs.map((tab) => tab.waitForURL('**/cart')))
    expect(await cartLines(page)).toEqual(['1 × The Odyssey', '1 × Winterreise', '2 × Walden'])

    for (const count of served) expect(count).toBeGreaterThan(5)
    processes[1]?.signal('SIGKILL')
    await processes[1]?.exit
    await checkOut(page)
    await page.getByRole('button', { name: 'Place the order' }).click()
    await page.getByRole('heading', { name: 'Thank you' }).waitFor()
    await signOut(page)
    await go('/orders')
    await page.getByRole('heading', { name: 'Sign in' }).first().waitFor()
    await signIn(page, ada)
    await go('/orders')
    expect(await page.locator('.orders li').count()).toBe(1)
  })
})
