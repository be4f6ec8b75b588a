// What backends ask of revocations at discovery, and who gets no ticket any more.

import { describe, expect, it } from 'vitest';
import { ANY_EPOCH } from '../../../src/cluster/revocation-log.js';
import type { RevocationResponse, RevocationsResponse } from '../../../src/protocol/index.js';
import { node } from '../cluster/test-cluster.js';
import { connected, type Fixture, fixture, refusal } from './fixture.js';

const KEY = 'an-admin-key-that-is-long-enough';
const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };

const open = () => fixture({ adminKeys: [KEY] }, [node('n1')]);
const revoke = (f: Fixture, body: object | string) =>
  f.ask('/v1/revocations', { headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const revoked = async (f: Fixture, body: object) => {
  const response = await revoke(f, body);
  expect(response.status).toBe(201);
  return (await response.json()) as RevocationResponse;
};
const list = async (f: Fixture, query = '') => {
  const response = await f.ask(`/v1/revocations${query}`, { method: 'GET', headers });
  expect(response.status).toBe(200);
  return (await response.json()) as RevocationsResponse;
};

describe('revocations at discovery', () => {
  it('a log-out ends the token, and who logs in again gets a ticket', async () => {
    const f = await open();
    const old = await f.token('u1');
    const connect = (token: string) => f.connect(undefined, { Authorization: `Bearer ${token}` });
    await connected(await connect(old));
    f.state.nowMs += 1_000;
    expect(await revoked(f, { sub: 'u1' })).toEqual({ id: expect.any(String), revision: expect.any(Number) });
    expect(await refusal(await connect(old))).toBe('401 revoked');
    const ticket = await f.ask('/v1/ticket', { headers: { Authorization: `Bearer ${old}` } });
    expect(await refusal(ticket)).toBe('401 revoked');
    expect((await connect(await f.token('u1'))).status).toBe(200);
    expect((await connect(await f.token('u2'))).status).toBe(200);
    await revoked(f, { sub: 'u1', ban: true });
    expect(await refusal(await connect(await f.token('u1')))).toBe('401 revoked');
  });

  it('lists what is in force, in pages, with what was said of it', async () => {
    const f = await open();
    const second = f.state.nowMs / 1000;
    await revoked(f, { sub: 'u1', reason: 'left', expiresInMs: 60_000 });
    await revoked(f, { jti: 'j1' });
    await revoked(f, { sub: 'u2', ban: true });
    await revoked(f, { issuedBefore: 1_700_000_000 });
    const { id } = await revoked(f, { sub: 'gone' });
    expect((await f.ask(`/v1/revocations/${id}`, { method: 'DELETE', headers })).status).toBe(204);
    const { revocations } = await list(f);
    const day = second + 86_410;
    expect(revocations).toEqual([
      {
        id: expect.any(String),
        sub: 'u1',
        issuedBefore: second,
        reason: 'left',
        createdAt: second,
        expiresAt: second + 60,
      },
      { id: expect.any(String), jti: 'j1', createdAt: second, expiresAt: day },
      { id: expect.any(String), sub: 'u2', ban: true, createdAt: second, expiresAt: day },
      { id: expect.any(String), issuedBefore: 1_700_000_000, createdAt: second, expiresAt: day },
    ]);
    const first = await list(f, '?limit=3');
    expect(first.revocations).toHaveLength(3);
    const rest = await list(f, `?limit=3&after=${first.next}`);
    expect([...first.revocations, ...rest.revocations]).toEqual(revocations);
    expect(rest.next).toBeUndefined();
  });

  it('withdraws once', async () => {
    const f = await open();
    const { id } = await revoked(f, { sub: 'u1', ban: true });
    const remove = () => f.ask(`/v1/revocations/${id}`, { method: 'DELETE', headers });
    expect((await remove()).status).toBe(204);
    expect(await refusal(await remove())).toBe('404 not_found');
    expect((await f.connect()).status).toBe(200);
  });

  it('names who does not have it in force within a second', async () => {
    const f = await open();
    const { position } = await f.revocations.log.read({ epoch: '', revision: 0 }, 1, 'n7');
    const response = await revoke(f, { sub: 'u1' });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ id: expect.any(String), pending: ['n7'] });
    await f.revocations.log.read({ ...position, revision: position.revision + 2 }, 1, 'n7');
    await revoked(f, { sub: 'u2' });
  });

  it('disconnects a user, whatever its name', async () => {
    const f = await open();
    const response = await f.ask(`/v1/users/${encodeURIComponent('a/b ü')}/disconnect`, { headers });
    expect([response.status, await response.json()]).toEqual([202, { sub: 'a/b ü', disconnecting: true }]);
    expect(await list(f)).toEqual({ revocations: [] });
  });

  it.each(['.', '..', 'u1'])('disconnects a user whose name is in the body: %s', async (sub) => {
    const f = await open();
    const body = JSON.stringify({ sub });
    const response = await f.ask('/v1/users/disconnect', { headers, body });
    expect([response.status, await response.json()]).toEqual([202, { sub, disconnecting: true }]);
    const { entries } = await f.revocations.log.read({ epoch: ANY_EPOCH, revision: 0 }, 10);
    expect(entries).toMatchObject([{ kind: 'disconnect', name: sub }]);
  });

  it.each([
    ['{}', '400 bad_field'],
    ['{"sub":""}', '400 bad_field'],
    [`{"sub":"${'ü'.repeat(128)}"}`, '400 bad_field'],
    ['[]', '400 not_an_object'],
    ['sub', '400 body_not_json'],
  ])('disconnects nobody by %s: %s', async (body, wanted) => {
    const f = await open();
    expect(await refusal(await f.ask('/v1/users/disconnect', { headers, body }))).toBe(wanted);
  });

  it.each([
    ['{}', '400 bad_field'],
    ['{"sub":"u1","jti":"j1"}', '400 bad_field'],
    ['{"sub":"u1","issuedBefore":1}', '400 bad_field'],
    ['{"jti":"j1","ban":true}', '400 bad_field'],
    ['{"sub":"u1","ban":1}', '400 bad_field'],
    ['{"sub":""}', '400 bad_field'],
    ['{"sub":1}', '400 bad_field'],
    [`{"sub":"${'ü'.repeat(128)}"}`, '400 bad_field'],
    ['{"sub":"\\ud800"}', '400 bad_field'],
    ['{"issuedBefore":1.5}', '400 bad_field'],
    ['{"issuedBefore":-1}', '400 bad_field'],
    ['{"sub":"u1","expiresInMs":0}', '400 bad_field'],
    [`{"sub":"u1","reason":"${'x'.repeat(256)}"}`, '400 bad_field'],
    ['[]', '400 not_an_object'],
    ['sub', '400 body_not_json'],
  ])('refuses %s as %s', async (body, wanted) => {
    const f = await open();
    expect(await refusal(await revoke(f, body))).toBe(wanted);
    expect(await list(f)).toEqual({ revocations: [] });
  });

  it.each([
    ['POST', '/v1/revocations', undefined, '401 token_missing'],
    ['POST', '/v1/revocations', 'Bearer x', '403 forbidden'],
    ['GET', '/v1/revocations', 'Bearer x', '403 forbidden'],
    ['DELETE', '/v1/revocations/r1', undefined, '401 token_missing'],
    ['DELETE', '/v1/revocations/r1', headers.Authorization, '404 not_found'],
    ['POST', '/v1/users/u1/disconnect', undefined, '401 token_missing'],
    ['POST', '/v1/users/disconnect', undefined, '401 token_missing'],
    ['POST', '/v1/users/disconnect', 'Bearer x', '403 forbidden'],
    ['POST', '/v1/users/u1', headers.Authorization, '404 not_found'],
    ['PUT', '/v1/revocations', headers.Authorization, '405 method_not_allowed'],
    ['GET', '/v1/revocations?limit=0', headers.Authorization, '400 bad_parameter'],
    ['GET', '/v1/revocations?limit=1001', headers.Authorization, '400 bad_parameter'],
    ['GET', '/v1/revocations?after=x', headers.Authorization, '400 bad_parameter'],
    ['GET', '/v1/revocations?after=1&after=2', headers.Authorization, '400 bad_parameter'],
  ])('%s %s with %s is answered %s', async (method, path, authorization, wanted) => {
    const f = await open();
    const own: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
    expect(await refusal(await f.ask(path, { method, headers: own }))).toBe(wanted);
  });

  it('have no API while there is no key', async () => {
    const f = await fixture();
    expect(await refusal(await revoke(f, { sub: 'u1' }))).toBe('404 not_found');
    expect(await refusal(await f.ask('/v1/users/u1/disconnect', { headers }))).toBe('404 not_found');
  });
});
