// What two builds are compared in: each scenario makes one number of a window, where more is better.

import { type Crowd, type Lab, openStage, quiet } from '../lab.js';
import { memorySlope, openStorm } from '../scenarios/connections.js';
import { FLOODED, OWN, OWN_FLOODED, PACED, POLLED, POLLS, SHARED, STREAMS } from '../scenarios/crowds.js';
import { flood, type Measured, pace, type Stage } from '../traffic.js';

/** One build, ready to be measured again and again. */
export interface Side {
  /** The figure of one window; `undefined`: it does not count, and the lab's judge knows why. */
  measure(): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface Scenario {
  readonly what: string;
  readonly unit: string;
  /** Opens the build that lies in `root`. */
  readonly open: (lab: Lab, root: URL, name: string) => Promise<Side>;
}

type Engine = 'uws' | 'ws';

const PER_CPU = 'deliveries per server CPU-second';
/** Chosen: what the kernel says of memory is a few MiB off at times (measured), which a slope of 8,000 connections bears. */
const CONNECTIONS = { few: 1_000, many: 9_000 };
/** Chosen: windows of two to three seconds. */
const SHORT_PACED = { ...PACED, seconds: 2.5 };
/** A server that is saturated answers with several messages at once, whatever each costs it: fewer of them, that none is. */
const SHORT_POLLED = { ...POLLED, perSecond: 4, seconds: 4 };
/** For the same reason: what a stream on node:http costs is near a whole core at 50/s. */
const SLOW_PACED = { ...PACED, perSecond: 20, seconds: 5 };
const SHORT_FLOODED = { ...FLOODED, messages: 3_840 };
const SHORT_OWN = { ...OWN_FLOODED, messages: 64_000 };

const flooded = (stage: Stage): Promise<Measured> => flood(stage, SHORT_FLOODED);
const ownFlooded = (stage: Stage): Promise<Measured> => flood(stage, SHORT_OWN);
const paced = (stage: Stage): Promise<Measured> => pace(stage, SHORT_PACED);
const slowlyPaced = (stage: Stage): Promise<Measured> => pace(stage, SLOW_PACED);
const polled = (stage: Stage): Promise<Measured> => pace(stage, SHORT_POLLED);

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'flood-uws': traffic('1,000 WebSockets on 1 channel, flooded, uws', 'uws', SHARED, flooded),
  'flood-ws': traffic('1,000 WebSockets on 1 channel, flooded, ws', 'ws', SHARED, flooded),
  'paced-uws': traffic('1,000 WebSockets on 1 channel, 50/s, uws', 'uws', SHARED, paced),
  'paced-ws': traffic('1,000 WebSockets on 1 channel, 50/s, ws', 'ws', SHARED, paced),
  'own-uws': traffic('1,000 channels × 1 WebSocket, uws', 'uws', OWN, ownFlooded),
  'own-ws': traffic('1,000 channels × 1 WebSocket, ws', 'ws', OWN, ownFlooded),
  'polls-uws': traffic('1,000 long polls, 4/s, uws', 'uws', POLLS, polled),
  'polls-ws': traffic('1,000 long polls, 4/s, ws', 'ws', POLLS, polled),
  'sse-uws': traffic('1,000 streams on 1 channel, 50/s, uws', 'uws', STREAMS, paced),
  'sse-ws': traffic('1,000 streams on 1 channel, 20/s, ws', 'ws', STREAMS, slowlyPaced),
  'memory-uws': {
    what: 'memory of an idle, subscribed WebSocket, uws',
    unit: 'connections per MiB',
    open: async (lab, root) => ({
      measure: async () => 1024 / (await memorySlope(lab, { kind: 'uws', root }, 'shared', CONNECTIONS)),
      close: async () => {},
    }),
  },
  'connects-uws': {
    what: 'connect + authenticate + subscribe, uws',
    unit: 'connections per server CPU-second',
    open: async (lab, root, name) => {
      const storm = await openStorm(lab, { kind: 'uws', root });
      await storm.run(); // a warm-up
      return { measure: async () => (await storm.sound(name))?.perCpuSecond, close: () => storm.close() };
    },
  },
};

/** Logged messages to a crowd, after one window that warms the server up. */
function traffic(what: string, kind: Engine, crowd: Crowd, run: (stage: Stage) => Promise<Measured>): Scenario {
  const open: Scenario['open'] = async (lab, root, name) => {
    const stage = await openStage(lab, { kind, root, name }, crowd);
    const { logged } = stage;
    await run(logged);
    return {
      measure: async () => {
        await quiet(logged.proc, logged.cast.server);
        const sound = await lab.judge.sound(name, () => run(logged));
        return sound === undefined ? undefined : sound.served / sound.watched.server;
      },
      close: () => stage.close(),
    };
  };
  return { what, unit: PER_CPU, open };
}
