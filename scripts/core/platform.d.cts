// What `#platform` is to the compiler while it checks src/core on its own: the contract, and no platform's types.
import type { Platform } from '../../src/platform/platform.ts' with { 'resolution-mode': 'import' }

declare const platform: Platform
export = platform
