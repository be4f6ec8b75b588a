// What a delivery costs against how many nodes of one cluster its channel's subscribers are spread over.

import { Fleet } from '../fleet.js';
import { freePort } from '../free-port.js';
import type { Lab } from '../lab.js';
import { Numbers } from '../numbers.js';
import { connectToRedis, encodeLogged } from '../publisher.js';
import { startRedisServer } from '../redis-server.js';
import { opening } from '../run/contender.js';
import { environment, linksOn, unevennessOf } from '../scale.js';
import { type Kind, type ServerProcess, startRole } from '../server-process.js';
import type { Curve, Effort, Outline } from './curve.js';
import { drawFlooded, type Flooded, type Opened, redisUsPerMessage, serverUsPerDelivery } from './flooded.js';

const HOST = '127.0.0.1';
const CHANNEL = 'news';
const SUBSCRIBERS = 1_000;
const MESSAGES = 3_840;
const PAYLOAD_BYTES = 128;
/** A place that discovery reserved lapses after a few seconds: no more tickets are taken than are used at once. */
const AT_A_TIME = 500;
const AT_ONCE = 100;
/** Spread within this share of the mean. */
const MOST_UNEVEN = 0.05;

const OUTLINE: Outline = {
  name: 'nodes',
  what: `A delivery, against the nodes that ${SUBSCRIBERS.toLocaleString('en')} subscribers of one channel are spread over`,
  x: 'nodes',
  unit: 'µs of all nodes for each delivery',
  digits: 2,
};
const REDIS: Outline = {
  name: 'nodes-redis',
  what: 'A publish in Redis, against the nodes that follow its channel',
  x: 'nodes',
  unit: 'µs of Redis for each message',
  digits: 1,
};

/** Assigned by discovery, as clients are. */
export const NODES: Flooded = {
  what: OUTLINE.what,
  xs: [1, 2, 4, 8],
  kinds: [{ kind: 'uws' }, { kind: 'ws' }],
  readings: [
    { outline: OUTLINE, value: serverUsPerDelivery },
    { outline: REDIS, value: redisUsPerMessage },
  ],
  messages: () => MESSAGES,
  open: openNodes,
};

async function openNodes(lab: Lab, kind: Kind, count: number): Promise<Opened> {
  return opening(async (later) => {
    const redis = await startRedisServer();
    later(() => redis.close());
    const start = async (role: 'node' | 'discovery', further: Record<string, string>): Promise<ServerProcess> => {
      const env = environment(redis, lab.secrets, await freePort(HOST));
      const server = await startRole(role, { ...env, FANFARE_ENGINE: kind, ...further });
      later(() => server.close());
      return server;
    };
    const nodes: ServerProcess[] = [];
    for (let at = 0; at < count; at += 1) nodes.push(await start('node', { FANFARE_NODE_ID: `n${at + 1}` }));
    const discovery = await start('discovery', {});
    const fleet = new Fleet(1, lab.instruments.driverFlags);
    later(() => fleet.close());
    const publisher = lab.instruments.publisher(await connectToRedis(redis));
    later(() => publisher.close());
    await openEvenly(lab, discovery, nodes, fleet);
    const [server = 0, ...fellows] = nodes.map(({ pid }) => pid);
    const cast = { server, fellows, drivers: [process.pid, ...fleet.pids], redis: redis.pid };
    const stage = {
      ...{ name: kind, proc: lab.instruments.proc, cast, fleet, publisher, encode: encodeLogged },
      ...{ channels: [CHANNEL], numbers: new Numbers(1) },
      ...{ deliveriesPerMessage: SUBSCRIBERS, payloadBytes: PAYLOAD_BYTES },
    };
    return { stage };
  });
}

/** Throws when some node has got far more of them than others. */
async function openEvenly(lab: Lab, discovery: ServerProcess, nodes: readonly ServerProcess[], fleet: Fleet) {
  for (let opened = 0; opened < SUBSCRIBERS; opened += AT_A_TIME) {
    await fleet.open({
      ...{ transport: 'websocket', host: discovery.host, port: discovery.port, channel: CHANNEL, pollEveryMs: 0 },
      ...{ secret: lab.secrets.authSecret, follows: true, atOnce: AT_ONCE, count: AT_A_TIME },
    });
  }
  const links = await Promise.all(nodes.map(({ port }) => linksOn(port)));
  if (unevennessOf(links) > MOST_UNEVEN) throw new Error(`nodes have unlike numbers of links: ${links.join(', ')}`);
}

export function drawNodes(lab: Lab, effort: Effort): Promise<readonly Curve[]> {
  return drawFlooded(lab, effort, NODES);
}
