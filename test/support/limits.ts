// Limits of a node for tests: token buckets, and whatever a test puts in their place.

import { type LimitSettings, limitSettings, type PlainRate, type WrittenLimits } from '../../src/config/limits.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { nodeLimits } from '../../src/node/node-limits.js';
import type { NodeLimits } from '../../src/node/node-options.js';

export type Rate = PlainRate;

export interface TestRates {
  readonly commands: Rate;
  readonly publishes: Rate;
  readonly polls: Rate;
  readonly openings?: Rate;
}

/** Each with its default subject; `written` as in the configuration, over them. */
export function testLimits(rates: TestRates, written: WrittenLimits = {}, namespaces = new Namespaces()): NodeLimits {
  const { commands, publishes, polls, openings } = rates;
  const ofForms = (rate: Rate) => settingsOf(rate, polls, {});
  const usual: LimitSettings = {
    ...ofForms(commands),
    publishes: ofForms(publishes).publishes,
    ...(openings && { openings: { ...spread(openings), algorithm: 'token-bucket', by: 'ticket', together: 5 } }),
  };
  const named = Object.fromEntries(
    Object.entries(settingsOf(commands, polls, written)).filter(([name]) => name in written),
  );
  return nodeLimits({ ...usual, ...named }, namespaces);
}

function spread({ perSecond, burst }: Rate) {
  return { rate: { units: perSecond, perMs: 1_000 }, burst, countRefused: true, shared: false } as const;
}

function settingsOf(commands: Rate, polls: Rate, written: WrittenLimits): LimitSettings {
  const forms = { commandsPerSecond: commands.perSecond, commandBurst: commands.burst };
  const reads = { pollsPerSecond: polls.perSecond, pollBurst: polls.burst };
  return limitSettings(written, { ...forms, ...reads, linksPerUser: 0, connectsPerUser: 10, connectsPerIp: 0 });
}
