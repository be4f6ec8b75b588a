// What discovery answers a client with: a node and a ticket, or why not.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { type TicketResponse, TRANSPORTS } from '../../../src/protocol/index.js';
import { connected, type Fixture, fixture, refusal } from './fixture.js';

describe('POST /v1/connect', () => {
  it('answers with the least loaded node, the others, a ticket and the transports', async () => {
    const f = await fixture();
    await f.report('n1', { connections: 9 });
    await f.report('n2', { features: ['ping', 'later'] });
    const response = await f.connect();
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body = await connected(response);
    expect(body).toEqual({
      node: { id: 'n2', url: 'http://n2.example:8080', features: ['ping', 'later'] },
      alternatives: [{ id: 'n1', url: 'http://n1.example:8080', features: [] }],
      ticket: expect.any(String),
      expiresInMs: 3_600_000,
      connection: expect.stringMatching(/^c-/),
      user: 'u1',
      transports: TRANSPORTS,
    });
    const identity = f.tickets.verify(body.ticket);
    expect(identity).toMatchObject({ kind: 'ticket', user: 'u1', grants: { subscribe: ['news'] } });
    expect(identity.reservation).toMatch(/\.n2$/);
    expect(identity.connection).toMatch(/^[\w-]{16}$/);
    expect(body.connection).toBe(`c-${identity.connection}`);
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
    ['with a session that is too short', `{"session":"${'a'.repeat(21)}"}`, '400 bad_field'],
    ['with a session that is too long', `{"session":"${'a'.repeat(65)}"}`, '400 bad_field'],
    ['with a session of other letters', `{"session":"${'a'.repeat(21)}é"}`, '400 bad_field'],
    ['with a session that is no text', '{"session":1}', '400 bad_field'],
    ['of another type', '{}', '415 unsupported_media_type', 'text/plain'],
    ['of a form', 'a=1', '415 unsupported_media_type', 'application/x-www-form-urlencoded'],
    ['in another charset', '{}', '415 unsupported_media_type', 'application/json; charset=iso-8859-1'],
    ['one byte too large', `"${'x'.repeat(16 * 1024 - 1)}"`, '413 payload_too_large'],
  ];
  it.each(bodies)('refuses a body %s', async (_, body, wanted, type = 'application/json') => {
    const f = await fixture();
    await f.report('n1');
    const headers = { Authorization: `Bearer ${await f.token()}`, 'Content-Type': type };
    expect(await refusal(await f.ask('/v1/connect', { body, headers }))).toBe(wanted);
  });

  it.each([
    ['that is not UTF-8', Buffer.from('{"more":"\xe9"}', 'latin1')],
    ['in UTF-16', Buffer.from('{}', 'utf16le')],
  ])('refuses a body %s', async (_, body) => {
    const f = await fixture();
    const headers = { Authorization: `Bearer ${await f.token()}`, 'Content-Type': 'application/json' };
    expect(await refusal(await f.ask('/v1/connect', { body, headers }))).toBe('400 body_not_json');
  });

  it('refuses a body that is compressed', async () => {
    const f = await fixture();
    const headers = { Authorization: `Bearer ${await f.token()}`, 'Content-Encoding': 'gzip' };
    const json = { ...headers, 'Content-Type': 'application/json' };
    expect(await refusal(await f.ask('/v1/connect', { body: '{}', headers: json }))).toBe('415 unsupported_media_type');
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

describe('a session', () => {
  const session = 'n2pXv9Qm0sK4tB7cW1eYzA';
  const ask = async (f: Fixture, path: string, body: object, user = 'u1') => {
    const headers = { Authorization: `Bearer ${await f.token(user)}`, 'Content-Type': 'application/json' };
    const { ticket } = await connected(await f.ask(path, { body: JSON.stringify(body), headers }));
    expect(Buffer.from(ticket, 'base64url').toString()).not.toContain(session);
    return f.tickets.verify(ticket).connection;
  };

  it('has one id in all tickets of its user, which is a hash, and another for another user', async () => {
    const f = await fixture();
    await f.report('n1');
    const hash = createHash('sha256').update(`${session}\nu1`).digest('base64url').slice(0, 16);
    expect(await ask(f, '/v1/connect', { session })).toBe(hash);
    expect(await ask(f, '/v1/ticket', { session })).toBe(hash);
    expect(await ask(f, '/v1/connect', { session }, 'u2')).not.toBe(hash);
    expect(await ask(f, '/v1/connect', { session: `${session}2` })).not.toBe(hash);
  });

  it('that is not named is another one in each ticket', async () => {
    const f = await fixture();
    await f.report('n1');
    const ids = [await ask(f, '/v1/ticket', {}), await ask(f, '/v1/ticket', {}), await ask(f, '/v1/connect', {})];
    expect(new Set(ids).size).toBe(3);
  });
});

describe('POST /v1/ticket', () => {
  it('renews a ticket and reserves nothing', async () => {
    const f = await fixture();
    await f.report('n1');
    const response = await f.ask('/v1/ticket', { headers: { Authorization: `Bearer ${await f.token()}` } });
    expect(response.status).toBe(200);
    const body = (await response.json()) as TicketResponse;
    expect(body).toEqual({
      ticket: expect.any(String),
      expiresInMs: 3_600_000,
      connection: `c-${f.tickets.verify(body.ticket).connection}`,
      user: 'u1',
    });
    expect(f.tickets.verify(body.ticket)).toMatchObject({ user: 'u1', reservation: undefined });
    expect((await f.registry.list())[0]?.reservations).toBe(0);
  });

  it('works while no node is there', async () => {
    const f = await fixture();
    const response = await f.ask('/v1/ticket', { headers: { Authorization: `Bearer ${await f.token()}` } });
    expect(response.status).toBe(200);
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
