// Discovery's answers: the error table of its part of the contract, row by row.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { type ConnectResponse, type Problem, type TicketResponse, TRANSPORTS } from '../../../src/protocol/index.js';
import { node } from '../cluster/registry-suite.js';
import { fixture as create, type Fixture, ORIGIN } from './fixture.js';

const open: Fixture[] = [];
async function fixture(...args: Parameters<typeof create>): Promise<Fixture> {
  const made = await create(...args);
  open.push(made);
  return made;
}
afterEach(() => {
  for (const { discovery } of open.splice(0)) discovery.close();
});

const problem = async (response: Response) => (await response.json()) as Problem;
const connected = async (response: Response) => (await response.json()) as ConnectResponse;

/** Status and code of a problem. */
async function refusal(response: Response): Promise<string> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const body = await problem(response);
  expect(body.status).toBe(response.status);
  return `${response.status} ${body.code}`;
}

describe('POST /v1/connect', () => {
  it('answers with the least loaded node, the others, a ticket and the transports', async () => {
    const f = await fixture();
    await f.report('n1', { connections: 9 });
    await f.report('n2');
    const response = await f.connect();
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body = await connected(response);
    expect(body).toEqual({
      node: { id: 'n2', url: 'http://n2.example:8080' },
      alternatives: [{ id: 'n1', url: 'http://n1.example:8080' }],
      ticket: expect.any(String),
      expiresInMs: 3_600_000,
      transports: TRANSPORTS,
    });
    const identity = f.tickets.verify(body.ticket);
    expect(identity).toMatchObject({ kind: 'ticket', user: 'u1', grants: { subscribe: ['news'] } });
    expect(identity.reservation).toMatch(/\.n2$/);
    expect(identity.connection).toMatch(/^[\w-]{16}$/);
    expect((await f.registry.list()).find(({ id }) => id === 'n2')?.reservations).toBe(1);
  });

  it('gives every connection a ticket of its own, which ends with its token', async () => {
    const f = await fixture();
    await f.report('n1');
    const Authorization = `Bearer ${await f.token('u1', 60_000)}`;
    const one = await connected(await f.ask('/v1/connect', { headers: { Authorization } }));
    const two = await connected(await f.ask('/v1/connect', { headers: { Authorization } }));
    expect(one.expiresInMs).toBe(60_000);
    expect(f.tickets.verify(one.ticket).connection).not.toBe(f.tickets.verify(two.ticket).connection);
  });

  it('avoids excluded nodes', async () => {
    const f = await fixture();
    await f.report('n1');
    await f.report('n2', { connections: 9_000 });
    expect((await connected(await f.connect({ exclude: ['n1'] }))).node.id).toBe('n2');
  });

  it('names only the transports that were asked for', async () => {
    const f = await fixture();
    await f.report('n1');
    const body = await connected(await f.connect({ transports: ['short-poll', 'websocket', 'carrier-pigeon'] }));
    expect(body.transports).toEqual(['websocket', 'short-poll']);
  });

  it('shuffles the alternatives', async () => {
    const f = await fixture();
    for (let index = 0; index < 9; index++) await f.report(`n${index}`, { connections: index });
    const orders = new Set<string>();
    for (const dice of [0, 0.3, 0.6, 0.99]) {
      f.state.dice = dice;
      f.state.nowMs += 1_000;
      for (let index = 0; index < 9; index++) await f.report(`n${index}`, { connections: index });
      orders.add((await connected(await f.connect())).alternatives.map(({ id }) => id).join());
    }
    expect(orders.size).toBeGreaterThan(1);
  });

  it('without a token serves anonymous namespaces', async () => {
    const namespaces = new Namespaces({ demo: { anonymous: true, clientPublish: true } });
    const f = await fixture({ namespaces });
    await f.report('n1');
    const body = await connected(await f.ask('/v1/connect'));
    expect(f.tickets.verify(body.ticket)).toMatchObject({
      user: null,
      grants: { subscribe: ['demo:*'], publish: ['demo:*'], presence: [] },
    });
    expect(body.expiresInMs).toBe(3_600_000);
    const bad = await f.ask('/v1/connect', { headers: { Authorization: 'Bearer x' } });
    expect(await refusal(bad)).toBe('401 token_malformed');
  });

  const bodies: readonly (readonly [string, string, string, string?])[] = [
    ['not JSON', '{', '400 body_not_json'],
    ['an array', '[]', '400 not_an_object'],
    ['deep', '['.repeat(20), '400 bad_request'],
    ['with a byte order mark', '\ufeff{}', '400 body_not_json'],
    ['with exclude a string', '{"exclude":"n1"}', '400 bad_field'],
    ['with nine excluded', '{"exclude":["1","2","3","4","5","6","7","8","9"]}', '400 bad_field'],
    ['with only unknown transports', '{"transports":["x"]}', '400 bad_field'],
    ['of another type', '{}', '415 unsupported_media_type', 'text/plain'],
    ['of a form', 'a=1', '415 unsupported_media_type', 'application/x-www-form-urlencoded'],
    ['one byte too large', `"${'x'.repeat(16 * 1024 - 1)}"`, '413 payload_too_large'],
  ];
  it.each(bodies)('refuses a body %s', async (_, body, wanted, type = 'application/json') => {
    const f = await fixture();
    await f.report('n1');
    const headers = { Authorization: `Bearer ${await f.token()}`, 'Content-Type': type };
    expect(await refusal(await f.ask('/v1/connect', { body, headers }))).toBe(wanted);
  });

  it('takes a content type with parameters, and no more of a body than its cap', async () => {
    const f = await fixture();
    await f.report('n1');
    const headers = { Authorization: `Bearer ${await f.token()}`, 'Content-Type': 'Application/JSON; charset=utf-8' };
    expect((await f.ask('/v1/connect', { body: '{}', headers })).status).toBe(200);
    let sent = 0;
    let cancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        sent += 1_024;
        controller.enqueue(new Uint8Array(1_024));
      },
      cancel() {
        cancelled = true;
      },
    });
    const response = await f.ask('/v1/connect', { body, headers, duplex: 'half' } as RequestInit);
    expect(await refusal(response)).toBe('413 payload_too_large');
    expect(cancelled).toBe(true);
    expect(sent).toBeLessThan(32 * 1_024);
  });
});

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

  it('an expired token is refused', async () => {
    const f = await fixture();
    const Authorization = `bearer ${await f.token('u1', 60_000)}`;
    f.state.nowMs += 66_000;
    expect(await refusal(await f.ask('/v1/connect', { headers: { Authorization } }))).toBe('401 token_expired');
  });
});

describe('POST /v1/ticket', () => {
  it('renews a ticket and reserves nothing', async () => {
    const f = await fixture();
    await f.report('n1');
    const response = await f.ask('/v1/ticket', { headers: { Authorization: `Bearer ${await f.token()}` } });
    expect(response.status).toBe(200);
    const body = (await response.json()) as TicketResponse;
    expect(body).toEqual({ ticket: expect.any(String), expiresInMs: 3_600_000 });
    expect(f.tickets.verify(body.ticket)).toMatchObject({ user: 'u1', reservation: undefined });
    expect((await f.registry.list())[0]?.reservations).toBe(0);
  });

  it('works while no node is there', async () => {
    const f = await fixture();
    const response = await f.ask('/v1/ticket', { headers: { Authorization: `Bearer ${await f.token()}` } });
    expect(response.status).toBe(200);
  });
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
    expect(response.headers.get('ratelimit')).toBe('"connect";r=0;t=1');
    expect(response.headers.get('ratelimit-policy')).toBe('"connect";q=20;w=2');
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
    expect((await f.connect()).headers.get('ratelimit')).toBe('"connect";r=19;t=2');
  });

  it('by address come first, and count whatever is asked', async () => {
    const f = await fixture({ addressRate: { algorithm: 'fixed-window', limit: 2, windowMs: 60_000 } });
    const codes: string[] = [];
    for (let index = 0; index < 3; index++) codes.push(await refusal(await f.ask('/v1/connect')));
    expect(codes).toEqual(['401 token_missing', '401 token_missing', '429 rate_limited']);
    expect(await refusal(await f.ask('/v1/connect', { from: '10.0.0.2' }))).toBe('401 token_missing');
  });

  it('believe no forwarded address from a peer that is no proxy of ours', async () => {
    const namespaces = new Namespaces({ demo: { anonymous: true } });
    const f = await fixture({ namespaces, trustedProxies: ['192.168.0.0/16'] });
    await f.report('n1');
    const from = (address: string, from: string) =>
      f.ask('/v1/connect', { headers: { 'X-Forwarded-For': address }, from });
    let limited = 0;
    for (let index = 0; index < 40; index++) if ((await from(`1.1.1.${index}`, '10.0.0.1')).status === 429) limited++;
    expect(limited).toBe(20);
    for (let index = 0; index < 40; index++) expect((await from(`1.1.1.${index}`, '192.168.1.1')).status).toBe(200);
  });
});

describe('capacity', () => {
  it.each([
    ['no node', []],
    ['a full node', [{ connections: 10, capacity: 10 }]],
    ['a draining node', [{ state: 'draining' as const }]],
  ])('with %s it is 503 with a time to retry that is spread', async (_, nodes) => {
    const f = await fixture();
    f.state.nowMs += 60_000;
    for (const node of nodes) await f.report('n1', node);
    const waits: string[] = [];
    for (const dice of [0, 0.5, 0.99]) {
      f.state.dice = dice;
      const response = await f.connect();
      waits.push(response.headers.get('retry-after') ?? '');
      expect(await refusal(response)).toBe('503 no_capacity');
    }
    expect(waits).toEqual(['1', '3', '5']);
  });
});

describe('while the registry is away', () => {
  const nodes = [
    node('n1', { connections: 9_900, capacity: 10_000 }),
    node('n2', { connections: 0, capacity: 300 }),
    node('n3', { state: 'full' }),
  ];
  const unlimited = { userRate: { algorithm: 'token-bucket', perSecond: 1e6, burst: 1e6 } } as const;

  it('places clients among the nodes last known, at random by room, and reserves nothing', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    const counts: Record<string, number> = {};
    for (let index = 0; index < 100; index++) {
      f.state.dice = index / 100;
      const body = await connected(await f.connect());
      counts[body.node.id] = (counts[body.node.id] ?? 0) + 1;
      expect(f.tickets.verify(body.ticket).reservation).toBeUndefined();
      expect(body.alternatives.map(({ id }) => id)).toEqual([body.node.id === 'n1' ? 'n2' : 'n1']);
    }
    expect(counts).toEqual({ n1: 25, n2: 75 });
    expect(f.discovery.stats()).toMatchObject({ connects: 100, unreserved: 100, nodes: 3 });
    expect(f.log.filter(({ level }) => level === 'warn').length).toBe(1);
  });

  it('avoids excluded nodes there too, unless there are no others', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    expect((await connected(await f.connect({ exclude: ['n2'] }))).node.id).toBe('n1');
    expect((await f.connect({ exclude: ['n1', 'n2'] })).status).toBe(200);
  });

  it('does so for 5 min, then it is 503', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    f.state.nowMs += 300_000;
    expect((await f.connect()).status).toBe(200);
    expect(f.discovery.checks()).toMatchObject([{ name: 'registry', ok: true }]);
    f.state.nowMs += 1;
    const response = await f.connect();
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await refusal(response)).toBe('503 broker_unavailable');
    expect(f.discovery.checks()).toMatchObject([{ name: 'registry', ok: false }]);
  });

  it('asks a failing registry once a second, and goes back to it', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    await f.connect();
    f.state.away = false;
    expect((await f.registry.list()).every(({ reservations }) => reservations === 0)).toBe(true);
    await f.connect();
    expect((await f.registry.list()).every(({ reservations }) => reservations === 0)).toBe(true);
    f.state.nowMs += 1_000;
    await f.connect();
    expect((await f.registry.list()).some(({ reservations }) => reservations === 1)).toBe(true);
  });

  it('trusts a registry that came back empty only after a while', async () => {
    const f = await fixture({ ...unlimited, refreshMs: 5 }, nodes);
    f.state.away = true;
    await f.connect();
    f.state.away = false;
    for (const { id } of await f.registry.list()) await f.registry.remove(id, `${id}-1`);
    f.state.nowMs += 9_000;
    expect((await f.connect()).status).toBe(200);
    f.state.nowMs += 1_001;
    expect(await refusal(await f.connect())).toBe('503 no_capacity');
    await vi.waitFor(() => expect(f.discovery.stats().nodes).toBe(0));
  });

  it('keeps the known nodes fresh by itself', async () => {
    const f = await fixture({ refreshMs: 5 });
    await f.report('n1');
    await vi.waitFor(() => expect(f.discovery.stats().nodes).toBe(1));
  });

  it('gives tickets as ever', async () => {
    const f = await fixture();
    f.state.away = true;
    const response = await f.ask('/v1/ticket', { headers: { Authorization: `Bearer ${await f.token()}` } });
    expect(response.status).toBe(200);
  });
});

describe('operators', () => {
  const KEY = 'an-admin-key-that-is-long-enough';
  const Authorization = `Bearer ${KEY}`;

  it('see the nodes', async () => {
    const f = await fixture({ adminKey: KEY }, [node('n1', { connections: 3 })]);
    const response = await f.ask('/v1/nodes', { method: 'GET', headers: { Authorization } });
    expect(await response.json()).toMatchObject({ nodes: [{ id: 'n1', connections: 3, state: 'ready' }] });
  });

  it('drain a node', async () => {
    const f = await fixture({ adminKey: KEY }, [node('host:8080', { url: 'http://host:8080', incarnation: 'a' })]);
    const response = await f.ask('/v1/nodes/host%3A8080/drain', { headers: { Authorization } });
    expect([response.status, await response.json()]).toEqual([202, { id: 'host:8080', draining: true }]);
    expect(await f.registry.drainRequested('host:8080')).toBe(true);
    expect(await refusal(await f.connect())).toBe('503 no_capacity');
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
    const f = await fixture({ adminKey: KEY }, [node('n1')]);
    const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
    expect(await refusal(await f.ask(path, { method, headers }))).toBe(wanted);
    expect(await f.registry.drainRequested('n1')).toBe(false);
  });

  it('have no API while there is no key', async () => {
    const f = await fixture();
    const headers = { Authorization: 'Bearer ' };
    expect(await refusal(await f.ask('/v1/nodes', { method: 'GET', headers }))).toBe('404 not_found');
    expect(await refusal(await f.ask('/v1/nodes/n1/drain', { headers }))).toBe('404 not_found');
  });

  it('are told when the registry is away', async () => {
    const f = await fixture({ adminKey: KEY });
    f.state.away = true;
    const response = await f.ask('/v1/nodes', { method: 'GET', headers: { Authorization } });
    expect(await refusal(response)).toBe('503 broker_unavailable');
  });
});

describe('paths and methods', () => {
  it.each([
    ['GET', '/', '404 not_found'],
    ['POST', '/v1/connect/', '404 not_found'],
    ['POST', '/v1/Connect', '404 not_found'],
    ['POST', '//evil.example/v1/connect', '404 not_found'],
    ['POST', `/v1/connect?${'x'.repeat(5_000)}`, '414 uri_too_long'],
    ['PUT', '/v1/ticket', '405 method_not_allowed'],
    ['DELETE', '/livez', '405 method_not_allowed'],
  ])('%s %s is %s', async (method, path, wanted) => {
    const f = await fixture();
    expect(await refusal(await f.ask(path, { method }))).toBe(wanted);
  });

  it('a method that is not taken is told those that are', async () => {
    const f = await fixture();
    expect((await f.ask('/v1/connect', { method: 'GET' })).headers.get('allow')).toBe('POST, OPTIONS');
    expect((await f.ask('/readyz')).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it('liveness and readiness say so', async () => {
    const f = await fixture();
    const livez = await f.ask('/livez', { method: 'GET' });
    expect([livez.status, await livez.json()]).toEqual([200, { live: true }]);
    const readyz = await f.ask('/readyz', { method: 'GET' });
    expect([readyz.status, await readyz.json()]).toMatchObject([
      200,
      { ready: true, checks: [{ name: 'registry', ok: true }] },
    ]);
    const head = await f.ask('/readyz', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('readiness names what fails and since when', async () => {
    const f = await fixture();
    const sinceMs = f.state.nowMs;
    f.state.away = true;
    await f.connect();
    f.state.nowMs += 5_000;
    await f.connect();
    const response = await f.ask('/readyz', { method: 'GET' });
    expect([response.status, await response.json()]).toEqual([
      503,
      { ready: false, checks: [{ name: 'registry', ok: false, sinceMs, detail: 'Redis cannot be reached' }] },
    ]);
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
