// What one client may do to the places of nodes by asking discovery alone: keep few of them, and say little of a node.

import { describe, expect, it } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { node } from '../cluster/test-cluster.js';
import { connected, type Fixture, fixture } from './fixture.js';

/** Without a limit of calls. */
const OPEN = {
  namespaces: new Namespaces({ pub: { anonymous: true } }),
  connects: { name: 'connects', by: [], config: { algorithm: 'token-bucket', perSecond: 1, burst: 1 } },
} as const;

/** Places that are kept at all nodes. */
const kept = async (f: Fixture) => (await f.registry.list()).reduce((sum, { reservations }) => sum + reservations, 0);

describe('places that are kept', () => {
  it.each([
    ['one address of clients without a name', (f: Fixture) => f.ask('/v1/connect', { from: '10.0.0.66' })],
    ['one network of IPv6', (f: Fixture) => f.ask('/v1/connect', { from: `2001:db8::${f.state.calls}` })],
    ['one user', (f: Fixture) => f.connect()],
  ])('are 20 at a time for %s, who is sent to a node all the same', async (_, ask) => {
    const f = await fixture(OPEN, [node('n1', { capacity: 150 })]);
    for (let index = 0; index < 160; index++) expect((await ask(f)).status).toBe(200);
    expect(await kept(f)).toBe(20);
    expect(f.discovery.stats()).toMatchObject({ connects: 160, unreserved: 140 });
    const other = await connected(await f.ask('/v1/connect', { from: '10.0.0.67' }));
    expect(f.tickets.verify(other.ticket).reservation).toMatch(/\.n1$/);
    expect(await kept(f)).toBe(21);
  });

  it('are others once those have lapsed', async () => {
    const f = await fixture(OPEN, [node('n1')]);
    for (let index = 0; index < 30; index++) await f.connect();
    f.state.nowMs += 10_001;
    await f.report('n1');
    const { ticket } = await connected(await f.connect());
    expect(f.tickets.verify(ticket).reservation).toMatch(/\.n1$/);
    expect(await kept(f)).toBe(1);
  });
});

describe('a client that never comes', () => {
  /** One that asks four times a second, and of whom nothing is heard, while both nodes report. */
  async function haunt(f: Fixture, ask: (f: Fixture) => Promise<Response>): Promise<void> {
    for (let quarter = 0; quarter < 160; quarter++) {
      await ask(f);
      f.state.nowMs += 250;
      if (quarter % 4 === 0) await Promise.all([f.report('n1'), f.report('n2')]);
    }
  }

  it.each([
    ['a user', (f: Fixture) => f.connect()],
    ['a user who leaves the other node out', (f: Fixture) => f.connect({ exclude: ['n2'] })],
    ['one without a name', (f: Fixture) => f.ask('/v1/connect', { from: '10.0.0.66' })],
    [
      'one without a name, of several addresses, who leaves the other node out',
      (f: Fixture) =>
        f.ask('/v1/connect', {
          from: `10.0.0.${f.state.calls % 9}`,
          headers: { 'Content-Type': 'application/json' },
          body: '{"exclude":["n2"]}',
        }),
    ],
  ])('keeps no node out of the assignment, be it %s', async (_, ask) => {
    const f = await fixture(OPEN, [node('n1'), node('n2')]);
    await haunt(f, ask);
    expect((await f.registry.list()).map(({ doubt }) => doubt)).toEqual([undefined, undefined]);
  });
});
