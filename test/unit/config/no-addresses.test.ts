// A sandbox without netlink, as that of deploy/fanfare@.service, does not say what addresses a machine has: nothing is refused for that.

import { expect, it, vi } from 'vitest';
import { mistakes } from '../../support/config-mistakes.js';

const { networkInterfaces } = vi.hoisted(() => ({
  networkInterfaces: vi.fn(() => {
    throw new Error('uv_interface_addresses returned Unknown system error 97');
  }),
}));
vi.mock('node:os', async (original) => ({ ...(await original<object>()), networkInterfaces }));

const REDIS = {
  FANFARE_REDIS_URL: 'redis://127.0.0.1:6379',
  FANFARE_CLUSTER_SECRET: 'a-secret-of-thirty-two-bytes-or-more',
};

it.each(['start', 'node', 'discovery'] as const)('a good configuration of %s is good there too', (role) => {
  const env = {
    ...REDIS,
    FANFARE_NODE_URL: 'https://n1.example.com',
    FANFARE_AUTH_SECRET: 'a-secret-of-at-least-thirty-two-bytes',
  };
  expect(mistakes({ role, env })).toEqual([]);
  expect(networkInterfaces).not.toHaveBeenCalled();
});

it('an example of an address is that of this machine itself', () => {
  const env = { ...REDIS, FANFARE_HOST: '0.0.0.0', FANFARE_AUTH_SECRET: 'a-secret-of-at-least-thirty-two-bytes' };
  expect(mistakes({ role: 'node', env }).join()).toContain('for example http://127.0.0.1:8080');
});
