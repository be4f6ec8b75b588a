// What polls stand for as load between two of them, and for how long a client is remembered.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Identity } from '../../../src/auth/identity.js';
import { steadyUnixMs } from '../../../src/lib/clocks.js';
import { HttpClients } from '../../../src/node/clients/http-clients.js';
import { NOBODY, Visitor } from '../../../src/node/clients/visitor.js';

let clients: HttpClients;

beforeEach(() => {
  vi.useFakeTimers();
  clients = new HttpClients();
  clients.start();
});
afterEach(() => {
  clients.stop();
  vi.useRealTimers();
});

function poll(identity: Partial<Identity>, address = '10.0.0.1') {
  const visitor = new Visitor({ ...NOBODY, ...identity }, { address, bearer: () => undefined });
  const client = clients.see(visitor, steadyUnixMs());
  clients.polls(client);
  return client;
}

it('all tickets of one user are one connection, and so are all of an address who have no name', () => {
  for (let n = 0; n < 10; n++) poll({ user: 'anna', connection: `t${n}` });
  expect(clients.idlePollers).toBe(1);
  poll({ user: 'ben', connection: 'other' });
  for (let n = 0; n < 10; n++) poll({ connection: `nameless${n}` });
  poll({});
  expect(clients.idlePollers).toBe(3);
  poll({}, '10.0.0.2');
  expect(clients.idlePollers).toBe(4);
});

it('who waits counts for itself alone, and once more as one when nobody of the user waits', () => {
  const [first, second] = [poll({ user: 'anna', connection: 't1' }), poll({ user: 'anna', connection: 't2' })];
  const waits = [clients.beginWait(first), clients.beginWait(second)];
  expect(clients.idlePollers).toBe(0);
  clients.endWait(waits[0]);
  expect(clients.idlePollers).toBe(0);
  clients.endWait(waits[1]);
  expect(clients.idlePollers).toBe(1);
});

it('a minute after its last poll a client is forgotten, also where it is gone while it waits', () => {
  poll({ user: 'anna', connection: 't1' });
  const wait = clients.beginWait(poll({ user: 'ben', connection: 't2' }));
  vi.advanceTimersByTime(50_000);
  expect(clients.idlePollers).toBe(1);
  vi.advanceTimersByTime(20_000);
  expect([clients.size, clients.idlePollers]).toEqual([0, 0]);
  const again = poll({ user: 'ben', connection: 't2' });
  expect(clients.idlePollers).toBe(1);
  clients.endWait(wait);
  expect(clients.idlePollers).toBe(1);
  clients.endWait(clients.beginWait(again));
  expect(clients.idlePollers).toBe(1);
});
