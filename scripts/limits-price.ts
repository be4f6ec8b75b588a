// What limits cost when none is met, and what a conflated link costs: `npm run bench:limits`, on an idle machine.

import { limitSettings } from '../src/config/limits.js';
import { Namespaces } from '../src/config/namespaces.js';
import { createRateLimiter, type RateLimitConfig } from '../src/limits/create-rate-limiter.js';
import { SubjectLimit } from '../src/limits/subject-limit.js';
import { Fed } from '../src/node/channels/fed.js';
import { buildMessage, framePrefix, passingFrames } from '../src/node/channels/message.js';
import { CommandReader } from '../src/node/clients/command-reader.js';
import { ConflatedFeed } from '../src/node/clients/conflated-feed.js';
import { PublishLimits } from '../src/node/clients/publish-limits.js';
import { nodeLimits } from '../src/node/node-limits.js';

const ROUNDS = 7;
const CALLS = 200_000;
const PLENTY = 1_000_000;

/** The median of several rounds, in nanoseconds for each call. */
function nsOf(run: (calls: number) => void, calls = CALLS): number {
  run(calls);
  const tookNs = Array.from({ length: ROUNDS }, () => {
    const beganNs = process.hrtime.bigint();
    run(calls);
    return Number(process.hrtime.bigint() - beganNs) / calls;
  });
  return Math.round(tookNs.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0);
}

function row(what: string, ns: number): void {
  console.log(`${what.padEnd(76)} ${String(ns).padStart(6)} ns`);
}

const CONFIGS: readonly RateLimitConfig[] = [
  { algorithm: 'token-bucket', perSecond: PLENTY, burst: PLENTY },
  { algorithm: 'leaky-bucket', perSecond: PLENTY, capacity: PLENTY },
  { algorithm: 'fixed-window', limit: PLENTY, windowMs: 1_000 },
  { algorithm: 'sliding-window-log', limit: PLENTY, windowMs: 1_000 },
  { algorithm: 'sliding-window-counter', limit: PLENTY, windowMs: 1_000 },
];
for (const config of CONFIGS) {
  const limiter = createRateLimiter(config);
  let nowMs = Date.now();
  row(
    `${config.algorithm}, one unit`,
    nsOf((calls) => {
      for (let n = 0; n < calls; n++) {
        nowMs += 0.01;
        limiter.take(1, nowMs);
      }
    }),
  );
}

const forms = { commandsPerSecond: PLENTY, commandBurst: PLENTY, pollsPerSecond: PLENTY, pollBurst: PLENTY };
const others = { linksPerUser: 100, connectsPerUser: 10, connectsPerIp: 0 };
const keys = { ticket: 't1', user: 'user:anna', address: '10.0.0.1' };
const text = JSON.stringify({ type: 'unsubscribe', id: 1, channels: ['x'] });
const plenty = { rate: { units: PLENTY, perMs: 1 } };
/** Whom a limit counts by default, with those limits too that are off by default; and nobody. */
const ALL = { publishes: plenty, publishKey: plenty, channel: plenty, addresses: plenty };
const NONE = { commands: false, publishes: false, polls: false, openings: false } as const;
for (const [title, written] of [
  ['all limits on, none met', ALL],
  ['all off', NONE],
] as const) {
  const limits = nodeLimits(limitSettings(written, { ...forms, ...others }), new Namespaces());
  const reader = new CommandReader(new SubjectLimit(limits.commands));
  const payer = { own: undefined, refusals: 0, keys, takeFreePing: () => false };
  reader.begin(payer);
  reader.join(payer, keys, Date.now());
  row(
    `a command, read and decoded, ${title}`,
    nsOf((calls) => {
      for (let n = 0; n < calls; n++) reader.read(payer, text, Date.now());
    }),
  );
  const [addresses, polls] = [new SubjectLimit(limits.addresses), new SubjectLimit(limits.polls)];
  row(
    `a poll: its address, a unit, and the rest given back, ${title}`,
    nsOf((calls) => {
      for (let n = 0; n < calls; n++) {
        const nowMs = Date.now();
        addresses.spend(keys, 1, nowMs);
        polls.spend(keys, 1, nowMs);
        polls.settle(keys, 0.1, nowMs, nowMs);
      }
    }),
  );
  const publishes = new SubjectLimit(limits.publishes);
  const parts = { namespaces: new Namespaces(), limits, publishes, maxLimits: 50_000, nowMs: Date.now };
  const ofChannel = new PublishLimits(parts);
  row(
    `a message of a client: its user and its channel, ${title}`,
    nsOf((calls) => {
      for (let n = 0; n < calls; n++) {
        publishes.spend(keys, 1, Date.now());
        ofChannel.spend(keys, 'chat:1');
      }
    }),
  );
}

/** Links that are sent a hundred a second, of two thousand messages a second with fifty values; time goes by as fast as it may. */
function conflated(links: number, messages: number): void {
  const fed = new Fed();
  const channel = { name: 'tick:1', position: '0', audience: fedAudience(fed) };
  let nowMs = 0;
  for (let n = 0; n < links; n++) {
    const limiter = createRateLimiter({ algorithm: 'token-bucket', perSecond: 100, burst: 50 });
    const sink = {
      ...{ sendEvent: () => undefined, sendMessage: () => undefined, cork: (write: () => void) => write() },
      ...{ bufferedBytes: () => 0, drained: () => Promise.resolve() },
    };
    const terms = { limiters: [limiter], burst: 50, nowMs: () => nowMs, conflateBy: 'id', isAsked: true };
    const parts = { ...terms, sink, aheadBytes: 1, slices: undefined as never, failed: () => undefined };
    new ConflatedFeed(channel as never, parts).goLive();
  }
  const prefix = framePrefix('tick:1');
  for (let n = 0; n < messages; n++) {
    nowMs = n / 2;
    const data = Buffer.from(JSON.stringify({ id: `v${n % 50}`, n }));
    const offset = `${String(n).padStart(13, '0')}-0000000000000000`;
    fed.message(buildMessage(prefix, { offset, previous: '0', data } as never, passingFrames), (error) => {
      throw error;
    });
  }
}

function fedAudience(fed: Fed) {
  return {
    addFed: (listener: Parameters<Fed['add']>[0]) => fed.add(listener),
    removeFed: (listener: Parameters<Fed['remove']>[0]) => fed.remove(listener),
    newest: (member: string, position: string) => fed.newest(member, position),
  };
}

row(
  'a message that a conflated link is not sent now, each link',
  nsOf((calls) => conflated(200, Math.floor(calls / 200))),
);
process.exit();
