// A slice of `npm run test:deploy`: what docs/PRODUCTION.md says to type brings a machine up that serves over TLS, and ends as it should.

import { expect, it } from 'vitest';
import { deployByThePage, skipReason } from '../deploy/by-the-page.js';

it.skipIf(skipReason !== undefined)(
  `the page of production brings a machine up${skipReason === undefined ? '' : ` (${skipReason})`}`,
  async () => {
    const { failures, log } = await deployByThePage({ clients: 12, slice: true });
    expect(failures, log).toEqual([]);
  },
);
