// What logged publishes cost Redis: several by one call beside the same ones by a call each, to nobody.

import { type Budget, type Figure, ratios } from '../figures.js';
import type { Lab } from '../lab.js';
import { makePayload } from '../payload.js';
import { connectToRedis, encodeLogged, type Publisher, resp } from '../publisher.js';
import { type RedisServer, startRedisServer } from '../redis-server.js';
import { startFanfare } from '../server-process.js';
import { doubtsOf } from '../validity.js';
import { type Watched, watch } from '../watch.js';
import { BUDGETS } from './budgets.js';

const BATCH = 64;
const PAYLOAD_BYTES = 128;
/** Chosen: about a second of Redis' CPU for those that are published one by one. */
const BATCHES = 320;
/** Batches on their way at a time: enough that Redis never waits for this process. */
const AHEAD = 8;
const CROWDS = [
  { name: '1,000 channels', channels: 1_000, budget: BUDGETS.publishes.many },
  { name: '1 channel', channels: 1, budget: BUDGETS.publishes.one },
] as const satisfies readonly { name: string; channels: number; budget: Budget }[];

/** Makes of messages what is sent at a time. */
type Pack = (messages: readonly (readonly [channel: string, payload: string])[]) => Buffer;

const oneByOne: Pack = (messages) => Buffer.concat(messages.map((message) => encodeLogged(...message)));
const together: Pack = (messages) => {
  const [channels, payloads] = [messages.map(([channel]) => channel), messages.map(([, payload]) => payload)];
  return resp('FCALL', 'fanfare_publish_many', String(messages.length), ...channels, ...payloads);
};

/** Logged messages per second of Redis' CPU, in batches of 64 and pipelined one by one, on many channels and on one. */
export async function publishesPerRedisSecond(lab: Lab): Promise<readonly Figure[]> {
  const redis = await startRedisServer();
  try {
    // It is a Fanfare that loads the functions.
    await (await startFanfare({ ...lab.secrets, redisUrl: redis.url, engine: 'uws' })).close();
    const publisher = lab.instruments.publisher(await connectToRedis(redis));
    try {
      const figures: Figure[] = [];
      for (const crowd of CROWDS) figures.push(...(await measure(lab, { publisher, redis }, crowd)));
      return figures;
    } finally {
      publisher.close();
    }
  } finally {
    await redis.close();
  }
}

interface Stage {
  readonly publisher: Publisher;
  readonly redis: RedisServer;
}

async function measure(lab: Lab, stage: Stage, crowd: (typeof CROWDS)[number]): Promise<readonly Figure[]> {
  const what = `logged publishes to ${crowd.name}`;
  const ways = [
    { name: 'one by one', batches: prepare(crowd.channels, oneByOne), values: [] as number[] },
    { name: `in batches of ${BATCH}`, batches: prepare(crowd.channels, together), values: [] as number[] },
  ] as const;
  for (const { batches } of ways) await publish(stage, batches);
  for (let round = 0; round < lab.pairs; round += 1) {
    for (const { name, batches, values } of round % 2 === 0 ? ways : ways.toReversed()) {
      const title = `${what}, ${name}`;
      const run = () => lab.instruments.redisWork(title, stage.redis, () => watched(lab, stage, batches));
      const came = await lab.judge.quietly(title, run, (window) => doubtsOf({ watched: window }));
      values.push((batches.length * BATCH) / (came?.server ?? Number.NaN));
    }
    lab.log(
      `  ${what}: ${ways.map(({ name, values }) => `${name} ${values.at(-1)?.toFixed(0)}`).join(', ')} per CPU-second of Redis`,
    );
  }
  const [single, batched] = ways;
  const ratio = { what: `${what}, ${batched.name}`, unit: '× one by one', digits: 2, budget: crowd.budget };
  return [
    { ...ratio, values: ratios(batched.values, single.values) },
    ...ways.map(({ name, values }) => ({
      what: `${what}, ${name}`,
      values,
      unit: 'per CPU-second of Redis',
      digits: 0,
    })),
  ];
}

/** As many messages of one crowd as a window takes, each batch on the next channels in turn. */
function prepare(channels: number, pack: Pack): readonly Buffer[] {
  return Array.from({ length: BATCHES }, (_, batch) =>
    pack(
      Array.from({ length: BATCH }, (_, index) => {
        const at = batch * BATCH + index;
        return [`news:${at % channels}`, makePayload(PAYLOAD_BYTES, 0, at)] as const;
      }),
    ),
  );
}

function watched({ instruments: { proc } }: Lab, stage: Stage, batches: readonly Buffer[]): Promise<Watched> {
  const end = watch(proc, { server: stage.redis.pid, drivers: [process.pid] });
  return publish(stage, batches).then(end);
}

async function publish({ publisher }: Stage, batches: readonly Buffer[]): Promise<void> {
  for (let at = 0; at < batches.length; at += AHEAD) {
    for (const batch of batches.slice(at, at + AHEAD)) publisher.send(batch, BATCH);
    await publisher.settled();
  }
}
