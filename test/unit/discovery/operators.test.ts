// The paths of operators, behind their key.

import { describe, expect, it } from 'vitest';
import { node } from '../cluster/test-cluster.js';
import { fixture, refusal } from './fixture.js';

describe('operators', () => {
  const KEY = 'an-admin-key-that-is-long-enough';
  const Authorization = `Bearer ${KEY}`;

  it('see the nodes', async () => {
    const f = await fixture({ adminKeys: [KEY] }, [node('n1', { connections: 3 })]);
    const response = await f.ask('/v1/nodes', { method: 'GET', headers: { Authorization } });
    const said = { version: '0.1.0', engine: 'uws', startedAtMs: f.state.nowMs, secrets: [expect.any(String)] };
    const seen = { id: 'n1', url: 'http://n1.example:8080', connections: 3, reservations: 0, capacity: 10_000 };
    expect(await response.json()).toEqual({ nodes: [{ ...seen, state: 'ready', reportAgeMs: 0, ...said }] });
  });

  it('drain a node', async () => {
    const f = await fixture({ adminKeys: [KEY] }, [node('host:8080', { url: 'http://host:8080', incarnation: 'a' })]);
    const response = await f.ask('/v1/nodes/host%3A8080/drain', { headers: { Authorization } });
    expect([response.status, await response.json()]).toEqual([202, { id: 'host:8080', draining: true }]);
    expect(await refusal(await f.connect())).toBe('503 no_capacity');
    const own = { url: 'http://host:8080', incarnation: 'a' };
    expect((await f.report('host:8080', own)).drain).toBe(true);
  });

  it.each([
    ['GET', '/v1/nodes', undefined, '401 token_missing'],
    ['GET', '/v1/nodes', `${Authorization}!`, '403 forbidden'],
    ['GET', '/v1/nodes', 'Basic x', '401 token_malformed'],
    ['POST', '/v1/nodes/n1/drain', undefined, '401 token_missing'],
    ['POST', '/v1/nodes/n1/drain', 'Bearer x', '403 forbidden'],
    ['POST', '/v1/nodes/n9/drain', Authorization, '404 not_found'],
    ['POST', '/v1/nodes/%zz/drain', Authorization, '400 bad_encoding'],
    ['POST', '/v1/nodes/%c0%af/drain', Authorization, '400 bad_encoding'],
    ['GET', '/v1/nodes/n1/drain', Authorization, '405 method_not_allowed'],
    ['POST', '/v1/nodes', Authorization, '405 method_not_allowed'],
    ['POST', '/v1/nodes/n1', Authorization, '404 not_found'],
  ])('%s %s with %s is answered %s', async (method, path, authorization, wanted) => {
    const f = await fixture({ adminKeys: [KEY] }, [node('n1')]);
    const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
    expect(await refusal(await f.ask(path, { method, headers }))).toBe(wanted);
    expect((await f.report('n1')).drain).toBe(false);
  });

  it('have no API while there is no key', async () => {
    const f = await fixture();
    const headers = { Authorization: 'Bearer ' };
    expect(await refusal(await f.ask('/v1/nodes', { method: 'GET', headers }))).toBe('404 not_found');
    expect(await refusal(await f.ask('/v1/nodes/n1/drain', { headers }))).toBe('404 not_found');
  });

  it('are told when the registry is away', async () => {
    const f = await fixture({ adminKeys: [KEY] });
    f.state.away = true;
    const response = await f.ask('/v1/nodes', { method: 'GET', headers: { Authorization } });
    expect(await refusal(response)).toBe('503 broker_unavailable');
  });
});
