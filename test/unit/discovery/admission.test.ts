// Who may ask discovery, and how often.

import { describe, expect, it } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import type { Limit } from '../../../src/limits/subject-limit.js';
import { connected, fixture, ORIGIN, problem, refusal } from './fixture.js';

describe('who asks', () => {
  it.each([
    ['nobody', undefined, '401 token_missing'],
    ['Basic', 'Basic dTpw', '401 token_malformed'],
    ['Bearer with nothing', 'Bearer', '401 token_malformed'],
    ['Bearer with a space', 'Bearer ', '401 token_malformed'],
    ['two tokens', 'Bearer a.b.c, Bearer a.b.c', '401 token_malformed'],
    ['no token', 'Bearer x', '401 token_malformed'],
    ['a token of 9 KB', `Bearer ${'x'.repeat(9_000)}`, '401 token_malformed'],
    ['a token with another algorithm', 'Bearer eyJhbGciOiJub25lIn0.e30.', '401 token_alg_not_allowed'],
  ])('%s is refused', async (_, authorization, wanted) => {
    const f = await fixture();
    await f.report('n1');
    for (const path of ['/v1/connect', '/v1/ticket']) {
      const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
      const response = await f.ask(path, { headers });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await refusal(response)).toBe(wanted);
    }
  });

  it('a ticket where a token belongs is refused', async () => {
    const f = await fixture();
    await f.report('n1');
    const { ticket } = await connected(await f.connect());
    for (const path of ['/v1/connect', '/v1/ticket']) {
      const response = await f.ask(path, { headers: { Authorization: `Bearer ${ticket}` } });
      expect(await refusal(response)).toBe('401 wrong_token_kind');
    }
  });

  it('one from the future is told when to come again', async () => {
    const f = await fixture();
    const Authorization = `Bearer ${await f.token()}`;
    f.state.nowMs -= 8_000;
    const response = await f.ask('/v1/connect', { headers: { Authorization } });
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await refusal(response)).toBe('401 token_not_yet_valid');
  });

  it('an expired token is refused', async () => {
    const f = await fixture();
    const Authorization = `bearer ${await f.token('u1', 60_000)}`;
    f.state.nowMs += 66_000;
    expect(await refusal(await f.ask('/v1/connect', { headers: { Authorization } }))).toBe('401 token_expired');
  });
});

const byAddress = (limit: number): Limit => ({
  name: 'addresses',
  by: ['address'],
  config: { algorithm: 'fixed-window', limit, windowMs: 60_000 },
});

describe('limits', () => {
  it('one user gets 20 at once and 10 per second, then 429; others do not notice', async () => {
    const f = await fixture();
    await f.report('n1');
    const statuses: number[] = [];
    for (let index = 0; index < 300; index++) statuses.push((await f.connect()).status);
    expect(statuses.filter((status) => status === 200).length).toBe(20);
    const response = await f.connect(undefined, { Origin: ORIGIN });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('ratelimit')).toBe('"connects";r=0;t=1');
    expect(response.headers.get('ratelimit-policy')).toBe('"connects";q=20;w=2');
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(await refusal(response.clone())).toBe('429 rate_limited');
    expect((await problem(response)).retryAfterMs).toBe(100);
    const other = await f.ask('/v1/connect', { headers: { Authorization: `Bearer ${await f.token('u2')}` } });
    expect(other.status).toBe(200);
    f.state.nowMs += 1_000;
    await f.report('n1');
    const later: number[] = [];
    for (let index = 0; index < 20; index++) later.push((await f.connect()).status);
    expect(later.filter((status) => status === 200).length).toBe(10);
  });

  it('are told on good answers too', async () => {
    const f = await fixture();
    await f.report('n1');
    expect((await f.connect()).headers.get('ratelimit')).toBe('"connects";r=19;t=2');
  });

  it('by address come first, and count whatever is asked', async () => {
    const f = await fixture({ addresses: byAddress(2) });
    const codes: string[] = [];
    for (let index = 0; index < 3; index++) codes.push(await refusal(await f.ask('/v1/connect')));
    expect(codes).toEqual(['401 token_missing', '401 token_missing', '429 rate_limited']);
    expect(await refusal(await f.ask('/v1/connect', { from: '10.0.0.2' }))).toBe('401 token_missing');
  });

  it('believe no forwarded address from a peer that is no proxy of ours', async () => {
    const addresses = byAddress(20);
    const namespaces = new Namespaces({ demo: { anonymous: true } });
    const f = await fixture({ namespaces, addresses, trustedProxies: ['192.168.0.0/16'] });
    await f.report('n1');
    const from = (address: string, from: string) =>
      f.ask('/v1/connect', { headers: { 'X-Forwarded-For': address }, from });
    let limited = 0;
    for (let index = 0; index < 40; index++) if ((await from(`1.1.1.${index}`, '10.0.0.1')).status === 429) limited++;
    expect(limited).toBe(20);
    for (let index = 0; index < 40; index++) expect((await from(`1.1.1.${index}`, '192.168.1.1')).status).toBe(200);
  });

  it('take a forwarded address with a port, the standard header, and a site of IPv6 for what they are', async () => {
    const addresses = byAddress(1);
    const namespaces = new Namespaces({ demo: { anonymous: true } });
    const f = await fixture({ namespaces, addresses, trustedProxies: ['10.0.0.1'] });
    await f.report('n1');
    const status = async (headers: Record<string, string>) => (await f.ask('/v1/connect', { headers })).status;
    expect(await status({ 'X-Forwarded-For': '203.0.113.1:1' })).toBe(200);
    expect(await status({ 'X-Forwarded-For': '203.0.113.2:1' })).toBe(200);
    expect(await status({ Forwarded: 'for="203.0.113.1:2"' })).toBe(429);
    expect(await status({ 'X-Forwarded-For': '[2001:db8::1]:443' })).toBe(200);
    expect(await status({ Forwarded: 'for="[2001:db8::2]"' })).toBe(429);
  });

  it('of users do not count who has no name, so that many may share an address', async () => {
    const f = await fixture({ namespaces: new Namespaces({ demo: { anonymous: true } }) });
    await f.report('n1', { capacity: 1_000, maxConnectsPerSecond: 1_000 });
    for (let index = 0; index < 100; index++) expect((await f.ask('/v1/connect')).status).toBe(200);
  });
});
