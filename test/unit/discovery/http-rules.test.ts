// Paths, methods, origins and faults: what holds for every answer of discovery.

import { describe, expect, it } from 'vitest';
import { node } from '../cluster/test-cluster.js';
import { fixture, ORIGIN, problem, refusal } from './fixture.js';

describe('paths and methods', () => {
  it.each([
    ['GET', '/', '404 not_found'],
    ['POST', '/v1/connect/', '404 not_found'],
    ['POST', '/v1/Connect', '404 not_found'],
    ['POST', '//evil.example/v1/connect', '404 not_found'],
    ['POST', `/v1/connect?${'x'.repeat(5_000)}`, '414 uri_too_long'],
    ['PUT', '/v1/ticket', '405 method_not_allowed'],
    ['DELETE', '/v1/connect', '405 method_not_allowed'],
    ['GET', '/livez', '404 not_found'],
  ])('%s %s is %s', async (method, path, wanted) => {
    const f = await fixture();
    expect(await refusal(await f.ask(path, { method }))).toBe(wanted);
  });

  it('a method that is not taken is told those that are', async () => {
    const f = await fixture();
    expect((await f.ask('/v1/connect', { method: 'GET' })).headers.get('allow')).toBe('POST, OPTIONS');
    const operated = await fixture({ adminKeys: ['an admin key of the tests, long enough'] });
    expect((await operated.ask('/v1/nodes')).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it('readiness names what fails and since when', async () => {
    const f = await fixture();
    const sinceMs = f.state.nowMs;
    f.state.away = true;
    await f.connect();
    f.state.nowMs += 5_000;
    await f.connect();
    expect(f.discovery.checks()).toEqual([{ name: 'registry', ok: false, sinceMs, detail: 'Redis cannot be reached' }]);
  });
});

describe('origins', () => {
  it.each([
    'https://evil.example',
    'https://app.example.com.evil',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
    `${ORIGIN}, https://evil.example`,
  ])('%s is denied, also before a preflight, and told nothing', async (Origin) => {
    const f = await fixture({}, [node('n1')]);
    for (const method of ['OPTIONS', 'POST']) {
      const headers = { Origin, 'Access-Control-Request-Method': 'POST', Authorization: `Bearer ${await f.token()}` };
      const response = await f.ask('/v1/connect', { method, headers });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect(response.headers.get('vary')).toBe('Origin');
      expect(await refusal(response)).toBe('403 origin_denied');
    }
  });

  it('on the list may ask, and read every answer and its headers', async () => {
    const f = await fixture({}, [node('n1')]);
    const answers = [
      await f.connect(undefined, { Origin: ORIGIN }),
      await f.ask('/v1/connect', { headers: { Origin: ORIGIN } }),
      await f.ask('/nowhere', { headers: { Origin: ORIGIN } }),
      await f.ask('/v1/connect', { method: 'GET', headers: { Origin: ORIGIN } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 405]);
    for (const { headers } of answers) {
      expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(headers.get('access-control-expose-headers')).toContain('Retry-After');
      expect(headers.get('access-control-expose-headers')).toContain('RateLimit');
      expect(headers.get('vary')).toBe('Origin');
    }
  });

  it('on the list are answered before they ask', async () => {
    const f = await fixture();
    const response = await f.ask('/v1/connect', { method: 'OPTIONS', headers: { Origin: ORIGIN } });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(response.headers.get('access-control-allow-methods')).toBe('POST');
    expect(response.headers.get('access-control-allow-headers')).toContain('Authorization');
  });
});

describe('a fault inside', () => {
  it('is a 500 with an id that stands in the log beside its cause', async () => {
    const f = await fixture();
    const cause = new Error('a secret');
    f.tickets.sign = () => {
      throw cause;
    };
    const Authorization = `Bearer ${await f.token()}`;
    const response = await f.ask('/v1/ticket', { headers: { Authorization, Origin: ORIGIN } });
    const id = response.headers.get('fanfare-request-id');
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    const body = await problem(response.clone());
    expect(await refusal(response)).toBe('500 internal');
    expect(body.requestId).toBe(id);
    expect(JSON.stringify(body)).not.toContain('a secret');
    expect(f.log.at(-1)).toMatchObject({ level: 'error', fields: { error: cause, requestId: id } });
  });

  it('never shows a token in the log', async () => {
    const f = await fixture();
    const token = await f.token();
    f.state.away = true;
    for (const value of [token, `${token}x`, `${token}\u00e9`]) {
      const headers = { Authorization: `Bearer ${value}` };
      for (const path of ['/v1/connect', '/v1/ticket']) await f.ask(path, { headers });
    }
    const text = JSON.stringify(f.log, (_, value) => (value instanceof Error ? [value.message, value.stack] : value));
    expect(text).not.toContain(token.slice(0, 40));
  });
});
