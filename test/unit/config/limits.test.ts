// The option `limits`: what is written over which default, what is refused, and how it is shown.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, problemLine } from '../../../src/config/config-problem.js';
import { effectiveConfig } from '../../../src/config/describe-config.js';
import { limitSettings, rateText } from '../../../src/config/limits.js';
import { type ConfigInput, loadConfig } from '../../../src/config/load-config.js';
import { rateConfigOf } from '../../../src/limits/limit-of.js';

const directory = mkdtempSync(join(tmpdir(), 'fanfare-limits-'));
afterAll(() => rmSync(directory, { recursive: true }));

const load = (input: Partial<ConfigInput>) => loadConfig({ role: 'start', env: {}, openFiles: 100_000, ...input });
const withLimits = (limits: unknown, env: Readonly<Record<string, string>> = {}) =>
  load({ env: { ...env, FANFARE_LIMITS: JSON.stringify(limits) } });

function settings(limits: unknown, env: Readonly<Record<string, string>> = {}) {
  const { config } = withLimits(limits, env);
  return limitSettings(config.limits, config);
}

function mistakes(limits: unknown, env: Readonly<Record<string, string>> = {}): string[] {
  try {
    withLimits(limits, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}

describe('what is written', () => {
  it('stands over its default, part by part, and leaves the others alone', () => {
    const plain = settings({});
    expect(plain.publishes).toEqual({
      algorithm: 'token-bucket',
      rate: { units: 20, perMs: 1_000 },
      burst: 40,
      by: 'user',
      countRefused: true,
      shared: false,
      together: 0,
    });
    const changed = settings({ publishes: { by: 'ticket' }, polls: { algorithm: 'fixed-window', rate: '100/10s' } });
    expect(changed.publishes).toEqual({ ...plain.publishes, by: 'ticket' });
    expect(changed.polls).toMatchObject({ algorithm: 'fixed-window', rate: { units: 100, perMs: 10_000 } });
    expect(changed.commands).toEqual(plain.commands);
  });

  it('has all of a user together five times what a ticket has, unless it says whom it counts', () => {
    expect(settings({}).commands?.together).toBe(5);
    expect(settings({ commands: { rate: '20/s' } }).commands?.together).toBe(5);
    expect(settings({ commands: { by: 'ticket' } }).commands?.together).toBe(0);
    expect(settings({ commands: { by: 'link' } }).commands?.together).toBe(0);
  });

  it('takes the rate for the burst where only that is written', () => {
    expect(settings({ publishes: { rate: '30/s' } }).publishes?.burst).toBe(30);
    expect(settings({ publishes: { rate: '30/s', burst: 90 } }).publishes?.burst).toBe(90);
  });

  it('is switched off by false, and on by a rate where it is off by default', () => {
    expect(settings({ commands: false, connects: 'false' })).toMatchObject({
      commands: undefined,
      connects: undefined,
    });
    expect(settings({}).channel).toBeUndefined();
    expect(settings({ channel: { rate: '5/2s' } }).channel).toMatchObject({ by: 'channel', burst: 5 });
  });

  it('has the short forms under it', () => {
    const env = { FANFARE_COMMANDS_PER_SECOND: '7', FANFARE_COMMAND_BURST: '70', FANFARE_CONNECTS_PER_IP: '3' };
    const { commands, publishes, addresses } = settings({}, env);
    expect([commands?.burst, publishes?.burst, addresses?.burst]).toEqual([70, 70, 6]);
    expect(commands?.rate).toEqual({ units: 7, perMs: 1_000 });
  });

  it('can be YAML', () => {
    const path = join(directory, 'fanfare.yaml');
    writeFileSync(path, 'limits:\n  publishes: { algorithm: sliding-window-counter, rate: 100/10s }\n  links: false\n');
    const { config } = load({ flags: { config: path } });
    expect(config.limits).toMatchObject({ links: false, publishes: { rate: { units: 100, perMs: 10_000 } } });
  });

  it.each([
    ['token-bucket', { algorithm: 'token-bucket', perSecond: 10, burst: 50 }],
    ['leaky-bucket', { algorithm: 'leaky-bucket', perSecond: 10, capacity: 50 }],
  ] as const)('%s takes a burst', (algorithm, wanted) => {
    const { publishes } = settings({ publishes: { algorithm, rate: '100/10s', burst: 50 } });
    expect(publishes && rateConfigOf(publishes)).toEqual(wanted);
  });

  it.each(['fixed-window', 'sliding-window-counter', 'sliding-window-log'])('%s has its window only', (algorithm) => {
    const { publishes } = settings({ publishes: { algorithm, rate: '100/10s' } });
    expect(publishes && rateConfigOf(publishes)).toMatchObject({ algorithm, limit: 100, windowMs: 10_000 });
    expect(mistakes({ publishes: { algorithm, rate: '100/10s', burst: 50 } })).toEqual([
      `limits.publishes.burst (env FANFARE_LIMITS): got 50, expected none: ${algorithm} has its rate only, a token-bucket or leaky-bucket has a burst`,
    ]);
  });

  it.each([
    ['20/s', 1_000],
    ['100/10s', 10_000],
    ['5/2m', 120_000],
    ['1/250ms', 250],
  ])('reads the rate %s', (rate, perMs) => {
    expect(settings({ channel: { rate } }).channel?.rate.perMs).toBe(perMs);
  });
});

describe('what is refused', () => {
  it.each(['20', '20/', '0/s', '-1/s', '20/0s', '20/2d', 'x/s', 20, null])('the rate %j', (rate) => {
    expect(mistakes({ channel: { rate } })).toEqual([
      expect.stringMatching(/^limits\.channel\.rate .*expected units per time, such as 20\/s, 100\/10s or 5\/2m$/),
    ]);
  });

  it('names and parts that there are not, with what was meant', () => {
    expect(mistakes({ publish: { rate: '1/s' } })).toEqual([
      'limits.publish (env FANFARE_LIMITS): unknown setting "publish", did you mean "publishes"?',
    ]);
    expect(mistakes({ publishes: { algoritm: 'fixed-window' } })).toEqual([
      'limits.publishes.algoritm (env FANFARE_LIMITS): unknown setting "algoritm", did you mean "algorithm"?',
    ]);
  });

  it('algorithms and subjects that there are not', () => {
    expect(mistakes({ publishes: { algorithm: 'leaky' } })[0]).toContain('expected one of token-bucket, leaky-bucket');
    expect(mistakes({ publishes: { by: 'link' } })[0]).toContain('got "link", expected one of user, ticket, channel');
    expect(mistakes({ publishes: true })[0]).toContain('expected a map, or false to switch it off');
    expect(mistakes({ publishes: { countRefused: true } })[0]).toContain('only a sliding-window-log');
  });

  it('a limit that is set by its short form as well', () => {
    expect(mistakes({ commands: { rate: '30/s' } }, { FANFARE_COMMAND_BURST: '50' })).toEqual([
      'limits (env FANFARE_LIMITS): commands is also set by commandBurst (env FANFARE_COMMAND_BURST): keep one of them',
    ]);
    expect(mistakes({ links: { max: 5 } }, { FANFARE_LINKS_PER_USER: '5' })).toHaveLength(1);
  });

  it('a limit without a rate where there is none by default', () => {
    expect(mistakes({ channel: { algorithm: 'fixed-window' } })).toEqual([
      'limits (env FANFARE_LIMITS): channel has no rate, expected one such as "rate": "20/s": it is off by default',
    ]);
    expect(mistakes({}, { FANFARE_NAMESPACES: '{"chat":{"limits":{"publishes":{"by":"user"}}}}' })[0]).toContain(
      'limits.publishes has no rate in "chat"',
    );
  });

  it('a limit that can never let its cost pass', () => {
    expect(mistakes({ polls: { algorithm: 'fixed-window', rate: '12/s' } })).toEqual([
      'limits (env FANFARE_LIMITS): polls: got 12 units at once, expected at least 13: what names 128 channels (default) costs 12.8 at once',
    ]);
    expect(mistakes({ openings: { rate: '100/s' } })[0]).toContain('openings: got 100 units at once');
    expect(mistakes({ openings: { rate: '100/s', burst: 128 } })).toEqual([]);
  });

  it('limits that a namespace cannot have', () => {
    const namespaces = { chat: { limits: { polls: { rate: '1/s' } } } };
    expect(mistakes({}, { FANFARE_NAMESPACES: JSON.stringify(namespaces) })[0]).toContain(
      '"polls" is not for this place',
    );
  });
});

describe('what is shown', () => {
  const NODE = {
    FANFARE_REDIS_URL: 'redis://127.0.0.1',
    FANFARE_CLUSTER_SECRET: 'x1'.repeat(20),
    FANFARE_NODE_URL: 'http://127.0.0.1:8080',
  };

  it('is every limit as it holds, for the role', () => {
    const env = { FANFARE_LIMITS: '{"publishes":{"algorithm":"sliding-window-log","rate":"100/10s"},"links":false}' };
    const line = (role: 'start' | 'discovery') => {
      const redis = { FANFARE_REDIS_URL: 'redis://127.0.0.1', FANFARE_CLUSTER_SECRET: 'x1'.repeat(20) };
      const more = { FANFARE_AUTH_SECRET: 'y2'.repeat(20) };
      const printed = effectiveConfig(load({ role, env: { ...env, ...redis, ...more } }));
      const shown = /^limits: (.*?) +# (.*)$/m.exec(printed);
      expect(shown?.[2]).toBe('env FANFARE_LIMITS');
      return JSON.parse(shown?.[1] ?? '{}');
    };
    expect(line('start')).toEqual({
      commands: { algorithm: 'token-bucket', rate: '20/s', burst: 40, by: 'ticket' },
      publishes: { algorithm: 'sliding-window-log', rate: '100/10s', countRefused: true, by: 'user' },
      polls: { algorithm: 'token-bucket', rate: '20/s', burst: 40, by: 'ticket' },
      openings: { algorithm: 'token-bucket', rate: '50/s', burst: 256, by: 'ticket' },
      connects: { algorithm: 'token-bucket', rate: '10/s', burst: 20, by: 'user' },
      addresses: false,
      publishKey: false,
      channel: false,
      outbound: false,
      handshakes: { max: 512 },
      links: false,
    });
    expect(Object.keys(line('discovery'))).toEqual(['connects', 'addresses', 'handshakes']);
  });

  it('is of links whether the cluster counts them together', () => {
    const shown = (links: unknown) => {
      const env = { FANFARE_LIMITS: JSON.stringify({ links }) };
      return /"links":(\{.*?\})/.exec(effectiveConfig(load({ role: 'node', env: { ...env, ...NODE } })))?.[1];
    };
    expect(shown({ max: 5, shared: true })).toBe('{"max":5,"by":"user","shared":true}');
    expect(shown({ shared: false })).toBe('{"max":100,"by":"user"}');
    expect(mistakes({ links: { shared: 'perhaps' } })[0]).toContain('limits.links.shared');
    expect(mistakes({ handshakes: { shared: true } })[0]).toContain('"shared" is not for this place');
  });

  it('has rates as they are written', () => {
    const rates = [
      { units: 20, perMs: 1_000 },
      { units: 5, perMs: 120_000 },
      { units: 1, perMs: 250 },
    ];
    expect(rates.map(rateText)).toEqual(['20/s', '5/120s', '1/250ms']);
  });
});
