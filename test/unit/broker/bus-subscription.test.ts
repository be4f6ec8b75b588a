// A subscription at Redis: whoever asks while it is under way shares one promise, and whoever asks later waits for nothing.

import { expect, it } from 'vitest';
import { Subscription } from '../../../src/broker/redis/bus-subscription.js';

const open = () => new Subscription('news', 'bus:{news}', false);

it('has those wait who ask before it is confirmed, and keeps nothing of them then', async () => {
  const subscription = open();
  const [first, second] = [subscription.confirmed, subscription.confirmed];
  expect(second).toBe(first);
  subscription.resolve();
  await first;
  expect(subscription.confirmed).not.toBe(first);
  await subscription.confirmed;
  expect(open().confirmed).not.toBe(subscription.confirmed);
});

it('fails for those who wait, without a warning where nobody does, and not once it has stood', async () => {
  const refused = open();
  refused.reject(new Error('no'));
  await expect(refused.confirmed).rejects.toThrow('no');
  const stood = open();
  stood.resolve();
  stood.reject(new Error('too late'));
  await stood.confirmed;
});
