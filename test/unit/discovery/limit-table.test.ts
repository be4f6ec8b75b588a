// Every algorithm for the limits that discovery asks, against the slow reference: what passes, what is told, and that it passes then.

import { describe, it } from 'vitest';
import { LIMIT_ALGORITHMS, limitSetting } from '../../../src/config/limits.js';
import { limitOf, rateConfigOf } from '../../../src/limits/limit-of.js';
import { LimitPlayer, TABLE_RATE, type Told } from '../../support/limit-player.js';
import { fixture, problem } from './fixture.js';

const CELLS = LIMIT_ALGORITHMS.flatMap((algorithm) => [
  { algorithm, name: 'connects', path: '/v1/connect' } as const,
  { algorithm, name: 'connects', path: '/v1/ticket' } as const,
  { algorithm, name: 'addresses', path: '/v1/connect' } as const,
]);

describe('limits of discovery', () => {
  it.each(CELLS)('$algorithm: $name, $path', async ({ algorithm, name, path }) => {
    const setting = limitSetting(name, { algorithm, rate: TABLE_RATE }, undefined);
    if (setting === undefined) throw new Error('there is no limit');
    const f = await fixture({ [name]: limitOf(name, setting) });
    const Authorization = `Bearer ${await f.token()}`;
    const attempt = async (): Promise<Told> => {
      await f.report('n1');
      const answer = await f.ask(path, { headers: name === 'connects' ? { Authorization } : {} });
      if (answer.status !== 429) return { allowed: true };
      const headers = Object.fromEntries(answer.headers);
      return { allowed: false, retryAfterMs: (await problem(answer)).retryAfterMs ?? Number.NaN, headers };
    };
    const player = new LimitPlayer({ name, spentBefore: 0 }, rateConfigOf(setting), f.state, attempt);
    await player.playThrough(0);
  });
});
