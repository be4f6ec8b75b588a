// Whoever asks at the wrong door is told where the right one is.

import { expect, it } from 'vitest';
import { nothingAt } from '../../../src/http/nothing-at.js';

it.each([
  ['node', '/v1/connect', /^discovery answers this path/],
  ['node', '/v1/ticket', /^discovery answers this path/],
  ['node', '/v1/users/u1/disconnect', /^discovery answers this path/],
  ['node', '/v1/connecting', /^there is nothing at this path$/],
  ['discovery', '/v1/publish', /^push nodes answer this path/],
  ['discovery', '/v1/channels/news', /^push nodes answer this path/],
  ['discovery', '/v1/nodes', /operators have theirs where an admin key is set/],
  ['discovery', '/v1/poller', /^there is nothing at this path$/],
] as const)('at a %s, %s', (role, path, detail) => {
  expect(nothingAt(path, role)).toMatchObject({ code: 'not_found', message: expect.stringMatching(detail) });
});
