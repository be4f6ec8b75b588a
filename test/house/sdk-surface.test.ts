// The SDK's public surface is the one that was last looked at.

import { expect, it } from 'vitest';
import { surface, writtenSurface } from '../../scripts/sdk-surface.js';

it('docs/SDK-API.md is what the SDK exports (npx tsx scripts/sdk-surface.ts)', () => {
  expect(writtenSurface()).toBe(surface());
});
