// Which cache clients are told of, and for which channels.

import { expect, it } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { node } from '../cluster/test-cluster.js';
import { connected, fixture } from './fixture.js';

const PUBLIC = new Namespaces({ default: {}, pub: { public: true }, own: {}, more: { public: true } });
const CHANNELS = 'https://channels.example.com';

async function cacheOf(options: Parameters<typeof fixture>[0]): Promise<unknown> {
  const response = await (await fixture(options, [node('n1')])).connect({});
  expect(response.status).toBe(200);
  return (await connected(response)).cache;
}

it('names it with the namespaces that are public', async () => {
  const namespaces = new Namespaces({ default: { public: true }, own: { public: false } });
  expect(await cacheOf({ channelsUrl: CHANNELS, namespaces: PUBLIC })).toEqual({
    url: CHANNELS,
    namespaces: ['pub', 'more'],
  });
  expect(await cacheOf({ channelsUrl: CHANNELS, namespaces })).toEqual({ url: CHANNELS, namespaces: ['default'] });
});

it('names none where there is none, or nothing for it', async () => {
  expect(await cacheOf({ namespaces: PUBLIC })).toBeUndefined();
  expect(await cacheOf({ channelsUrl: CHANNELS })).toBeUndefined();
});
