// The baseline and HEAD in one cluster: what each writes the other reads, and an upgrade and its rollback under load cost nobody anything.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Transport } from '../../client-sdk/types.js';
import { PUBLISH_KEY } from '../support/cluster.js';
import { byHttp, byRedis, Publisher, publishingClient } from '../support/load.js';
import { type Build, builds } from './baseline.js';
import { Listener } from './listener.js';
import { MixedCluster, WITH_ADMIN_KEY } from './mixed-cluster.js';

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
const WITHIN_MS = 30_000;

let baseline: Build;
let head: Build;
beforeAll(async () => {
  ({ baseline, head } = await builds());
}, 300_000);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function cluster(): Promise<MixedCluster> {
  const made = await MixedCluster.start();
  closing.push(() => made.close());
  return made;
}

function listen(...args: ConstructorParameters<typeof Listener>): Listener {
  const listener = new Listener(...args);
  closing.push(() => listener.client.close());
  return listener;
}

const PAIRS = ['baseline', 'HEAD'] as const;
const buildOf = (name: (typeof PAIRS)[number]) => (name === 'HEAD' ? head : baseline);
const otherOf = (name: (typeof PAIRS)[number]) => (name === 'HEAD' ? baseline : head);

describe.each(PAIRS)('a server of %s and the other SDK', (name) => {
  let made: MixedCluster;
  let url = '';
  beforeAll(async () => {
    made = await MixedCluster.start();
    await made.node('n1', buildOf(name), 'uws');
    ({ url } = await made.discovery('d1', buildOf(name)));
  });
  afterAll(() => made?.close());

  it.each(TRANSPORTS)('meet over %s: history, live messages, a publish, and a resume', async (transport) => {
    const channel = `room:${name}-${transport}`;
    await made.publish('n1', { messages: [1, 2, 3].map((data) => ({ channel, data })) });
    const first = listen(otherOf(name), url, transport, channel);
    await expect.poll(() => first.heard.map(({ data }) => data)).toEqual([1, 2, 3]);
    const { offset } = await first.client.publish(channel, { by: 'the client' });
    await made.publish('n1', { channel, data: 5 });
    await expect.poll(() => first.heard.map(({ data }) => data)).toEqual([1, 2, 3, { by: 'the client' }, 5]);
    expect(first.heard[3]?.offset).toBe(offset);
    const second = listen(otherOf(name), url, transport, channel, offset);
    await expect.poll(() => second.heard.map(({ data }) => data)).toEqual([5]);
    expect([first.trouble, second.trouble]).toEqual([[], []]);
  });
});

describe.each(PAIRS)('with the library that %s loads first', (name) => {
  let made: MixedCluster;
  beforeAll(async () => {
    made = await MixedCluster.start();
    await made.node('first', buildOf(name));
    await made.node('second', otherOf(name));
  });
  afterAll(() => made?.close());

  it('each node takes the tickets of each discovery', async () => {
    const discoveries = await Promise.all([
      made.discovery('of the baseline', baseline),
      made.discovery('of HEAD', head),
    ]);
    for (const discovery of discoveries) {
      await expect.poll(() => made.assign(discovery, 'early').then(() => 'a place', String)).toBe('a place');
      const { ticket } = await made.assign(discovery, 'holder');
      for (const [id, { build, server }] of made.nodes) {
        const poll = {
          method: 'POST',
          headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
        };
        const response = await fetch(`${server.url}/v1/poll`, { ...poll, body: '{"channels":{"news":"now"}}' });
        expect([id, build.name, response.status]).toEqual([id, build.name, 200]);
      }
    }
  });

  it('each discovery reads the record of each node as a member, and sends clients to both', async () => {
    for (const build of [baseline, head]) {
      const discovery = await made.discovery(`reading ${build.name}`, build);
      const records = async () => {
        const answer = await fetch(`${discovery.url}/v1/nodes`, { headers: WITH_ADMIN_KEY });
        const { nodes } = (await answer.json()) as { readonly nodes: readonly Record<string, unknown>[] };
        return nodes.map(({ id, state, problem, engine }) => ({ id, state, problem, engine }));
      };
      const good = { state: 'ready', problem: undefined, engine: 'ws' };
      await expect.poll(records, { timeout: WITHIN_MS }).toEqual(
        expect.arrayContaining([
          { id: 'first', ...good },
          { id: 'second', ...good },
        ]),
      );
      const sentTo = new Set<string>();
      for (let n = 0; n < 40; n++) sentTo.add((await made.assign(discovery, `u${n}`)).node.id);
      expect([build.name, [...sentTo].sort()]).toEqual([build.name, ['first', 'second']]);
    }
  });

  it('each node reads the envelopes that are written, and repairs nothing', async () => {
    const channel = 'room:envelopes';
    const { url } = await made.discovery('for envelopes', head);
    const listeners = Array.from({ length: 12 }, () => listen(head, url, 'websocket', channel));
    await Promise.all(listeners.map(({ client }) => client.ready()));
    const expected = Array.from({ length: 30 }, (_, n) => n);
    for (const data of expected) await made.publish(data % 2 === 0 ? 'first' : 'second', { channel, data });
    for (const { heard } of listeners)
      await expect.poll(() => heard.map(({ data }) => data), { timeout: WITHIN_MS }).toEqual(expected);
    for (const id of ['first', 'second']) {
      const bad = [await made.metric(id, 'damaged_total'), await made.metric(id, 'repairs_total')];
      expect([id, await made.metric(id, 'gaps_total'), ...bad]).toEqual([id, 0, 0, 0]);
    }
  });

  it.each(['first', 'second'])('the %s node understands every answer of the library', async (id) => {
    const channel = `room:answers-${id}`;
    const one = await made.publish(id, { channel, data: 1, key: 'k' });
    expect(one).toEqual({ status: 200, channel, offset: expect.any(String) });
    expect(await made.publish(id, { channel, data: 1, key: 'k' })).toEqual({ ...one, duplicate: true });
    expect(await made.publish(id, { channel, data: 2, key: 'k' })).toMatchObject({ status: 409 });
    const many = await made.publish(id, {
      messages: [
        { channel, data: 2 },
        { channel, data: 3, key: 'k3' },
      ],
    });
    expect(many).toMatchObject({ status: 200, results: [{ channel }, { channel }] });
    expect(await made.publish(id, { channel, data: 'x'.repeat(70_000) })).toMatchObject({ status: 413 });
    const direct = await made.redis.admin.call('FCALL', 'fanfare_publish', 1, channel, '4');
    const { ticket } = await made.assign(
      await made.discovery(`asking ${id}`, made.nodes.get(id)?.build ?? head),
      `reader-${id}`,
    );
    const headers = { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' };
    const poll = async (after: unknown, features: readonly string[] = []) => {
      const body = JSON.stringify({ channels: { [channel]: after }, features });
      const answer = await fetch(`${made.nodes.get(id)?.server.url}/v1/poll`, { method: 'POST', headers, body });
      const { channels } = (await answer.json()) as PollAnswer;
      return channels[channel]?.messages.map(({ data }) => data);
    };
    expect(await poll('-1')).toEqual([1, 2, 3, 4]);
    expect(await poll(one.offset)).toEqual([2, 3, 4]);
    expect(await poll({ last: 2 }, ['positions'])).toEqual([3, 4]);
    expect(String(direct)).toMatch(/^\d{13}-\d{16}$/);
  });
});

interface PollAnswer {
  readonly channels: Readonly<Record<string, { readonly messages: readonly { readonly data: unknown }[] }>>;
}

it('an upgrade and its rollback under load lose, repeat and damage nothing', async () => {
  const made = await cluster();
  await Promise.all([made.node('n1', baseline, 'uws'), made.node('n2', baseline, 'ws')]);
  const { url } = await made.discovery('d1', baseline);
  const { host, port } = made.redis;
  const redis = publishingClient(host, port);
  closing.push(() => redis.disconnect());
  const publishers = [
    new Publisher('room:fcall', 20, byRedis(redis)),
    ...['n1', 'n2'].map((id) => new Publisher(`room:${id}`, 40, retried(made, id))),
  ];
  const listeners = publishers.flatMap(({ channel }) =>
    [baseline, head].flatMap((build) =>
      TRANSPORTS.map((transport) => ({ channel, of: listen(build, url, transport, channel) })),
    ),
  );
  for (const publisher of publishers) publisher.start();
  await Promise.all(listeners.map(({ of }) => of.client.ready()));
  for (const build of [head, baseline]) {
    await made.node('n1', build, 'uws');
    await made.discovery('d1', build);
    await made.node('n2', build, 'ws');
  }
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  const log = new Map(publishers.map(({ channel, acknowledged }) => [channel, acknowledged]));
  for (const { channel, of } of listeners) {
    await expect
      .poll(() => of.heard.at(-1)?.offset, { timeout: WITHIN_MS, message: of.name })
      .toBe(log.get(channel)?.at(-1)?.offset);
    expect([of.name, of.trouble, of.heard]).toEqual([of.name, [], log.get(channel)]);
  }
  for (const id of ['n1', 'n2']) expect([id, await made.metric(id, 'damaged_total')]).toEqual([id, 0]);
}, 180_000);

/** By HTTP at a node that is replaced meanwhile. */
function retried(made: MixedCluster, id: string) {
  return async (channel: string, data: string, key: string) => {
    try {
      return await byHttp(made.nodes.get(id)?.server.url ?? '', PUBLISH_KEY, [])(channel, data, key);
    } catch {
      return undefined;
    }
  };
}
