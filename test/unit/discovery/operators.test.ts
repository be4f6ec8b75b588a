// The paths of operators, behind their key.

import { describe, expect, it } from 'vitest';
import { Membership } from '../../../src/auth/membership.js';
import { node } from '../cluster/test-cluster.js';
import { fixture, refusal, SECRET } from './fixture.js';

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

  it('see on their own port why a node is as it is, and find the list of nodes there alone', async () => {
    const f = await fixture({ adminKeys: [KEY], isApart: true });
    const report = node('n1', { state: 'full' });
    const facts = { timeMs: f.state.nowMs, version: '0.1.0', engine: 'ws', startedAtMs: 1, why: '10 of 10 links' };
    await f.registry.report({ ...report, proof: new Membership([SECRET]).prove(report, facts) });
    const headers = { Authorization };
    const ask = (path: string, method = 'GET') =>
      f.discovery.operators(new Request(`http://localhost${path}`, { method, headers }), { remoteAddress: '10.0.0.1' });
    expect(await (await ask('/v1/nodes')).json()).toMatchObject({
      nodes: [{ id: 'n1', state: 'full', why: '10 of 10 links', engine: 'ws' }],
    });
    expect((await ask('/v1/nodes/n1/drain', 'POST')).status).toBe(202);
    expect(await refusal(await ask('/v1/connect', 'POST'))).toBe('404 not_found');
    expect(await refusal(await f.ask('/v1/nodes', { method: 'GET', headers }))).toBe('404 not_found');
    expect((await f.ask('/v1/nodes/n1/drain', { headers })).status).toBe(202);
  });

  it.each([
    ['10.0.0.1', 'localhost', {}, 403],
    ['127.0.0.1', 'evil.example', {}, 403],
    ['127.0.0.1', 'localhost', { 'X-Forwarded-For': '10.0.0.1' }, 403],
    ['::ffff:127.0.0.1', 'localhost:9080', {}, 200],
  ])('without a key see the list from this machine alone: %s as %s with %j', async (from, host, more, status) => {
    const f = await fixture({ isApart: true });
    const request = new Request('http://localhost/v1/nodes', { headers: { Host: host, ...more } });
    expect((await f.discovery.operators(request, { remoteAddress: from })).status).toBe(status);
    const drain = new Request('http://localhost/v1/nodes/n1/drain', { method: 'POST', headers: { Host: host } });
    expect((await f.discovery.operators(drain, { remoteAddress: from })).status).toBe(404);
  });

  it('are told when the registry is away', async () => {
    const f = await fixture({ adminKeys: [KEY] });
    f.state.away = true;
    const response = await f.ask('/v1/nodes', { method: 'GET', headers: { Authorization } });
    expect(await refusal(response)).toBe('503 broker_unavailable');
  });
});
