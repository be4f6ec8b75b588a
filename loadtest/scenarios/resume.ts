// What a node reads of a log when a thousand clients come back with the same position on the same channel.

import { Redis } from 'ioredis';
import type { Figure } from '../figures.js';
import { Fleet } from '../fleet.js';
import { countFunctions, readsOfLogs } from '../function-calls.js';
import { type HostOptions, type Lab, quiet, startHost } from '../lab.js';
import { makePayload } from '../payload.js';
import { faultsOf, type Traffic } from '../validity.js';
import { BUDGETS } from './budgets.js';

const CLIENTS = 1_000;
const CHANNEL = 'town:1';
/** Few enough for one page of a log. */
const MISSED = 20;
/** The one that everybody had is number 0. */
const WINDOW = { messages: MISSED, channels: 1, first: 1 };
const AT_ONCE = 100;
const PAYLOAD_BYTES = 200;

/**
 * Counts the calls of the function that reads logs (`fanfare_read`) while they come back to a node that has just started and has nothing of
 * the channel. What a node calls of its own accord (its report, what is revoked, what is to be taken in) is no read of a log, and not counted.
 */
export async function resumeOneOffset(lab: Lab): Promise<readonly Figure[]> {
  const what = `${CLIENTS.toLocaleString('en')} clients resume from one offset on one channel`;
  const values: number[] = [];
  for (let round = 0; round < Math.min(3, lab.pairs); round += 1) {
    const came = await lab.judge.quietly(
      what,
      () => comeBack(lab, { kind: 'uws' }),
      () => [],
      faultsOf,
    );
    values.push(came?.reads ?? Number.NaN);
  }
  lab.log(`  ${what}: ${values.join(', ')} reads of logs`);
  return [{ what, values, unit: 'reads of logs', digits: 0, budget: BUDGETS.resume.reads }];
}

/** To that server, and then it is over. */
async function comeBack(lab: Lab, options: HostOptions): Promise<Traffic & { readonly reads: number }> {
  const host = await startHost(lab, options);
  const fleet = new Fleet(1, lab.instruments.driverFlags);
  const admin = new Redis(host.redis.url);
  const expected = CLIENTS * MISSED;
  try {
    const offset = await missSomething(admin);
    const common = { transport: 'websocket', ...host.address, secret: lab.secrets.authSecret, pollEveryMs: 0 } as const;
    const returning = { ...common, channel: CHANNEL, positions: { [CHANNEL]: offset }, count: CLIENTS };
    await fleet.prepare(returning);
    await quiet(lab.instruments.proc, host.server.pid);
    await fleet.reset({ first: WINDOW.first, reportEvery: expected });
    const counted = await countFunctions(admin);
    await fleet.open({ ...returning, atOnce: AT_ONCE });
    await fleet.reached(expected);
    const reads = readsOfLogs(await counted());
    const report = await fleet.report(WINDOW);
    return { reads, expected, report, achieved: 0 };
  } finally {
    admin.disconnect();
    await fleet.close();
    await host.close();
  }
}

/** Publishes what everybody missed; answers the offset of what they had before. */
async function missSomething(admin: Redis): Promise<string> {
  const offsets: string[] = [];
  for (let at = 0; at <= MISSED; at += 1) {
    const payload = makePayload(PAYLOAD_BYTES, 0, at);
    offsets.push(String(await admin.call('FCALL', 'fanfare_publish', 1, CHANNEL, payload)));
  }
  return offsets[0] ?? '';
}
