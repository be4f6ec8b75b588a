// Sends inputs, many at a time, in a process of its own, and keeps the last of them.

import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { serve } from '../chaos/worker-process.js';
import { Random } from '../support/random.js';
import { corpus } from './corpus.js';
import { inputOf, variantOf } from './grammar.js';
import type { Input } from './input.js';
import { play } from './player.js';

export interface Fuzz {
  readonly port: number;
  readonly redisUrl: string;
  readonly tokens: readonly string[];
  readonly addresses: readonly string[];
  readonly seed: number;
  readonly forMs: number;
}

export interface Fuzzed {
  /** Inputs sent, by road. */
  readonly sent: Readonly<Record<string, number>>;
  /** The last ones, newest last. */
  readonly last: readonly Input[];
}

const LANES = 24;
const KEPT = 400;
/** What is damaged is this often something made before, otherwise something new. */
const VARIANT = 0.5;
/** Inputs of a run that later ones are made from. */
const MAX_POOL = 2_000;

async function fuzz({ port, redisUrl, tokens, addresses, seed, forMs }: Fuzz): Promise<Fuzzed> {
  const random = new Random(seed);
  const redis = new Redis(redisUrl);
  const known = [...corpus()];
  const pool = [...known];
  const sent: Record<string, number> = {};
  const last: Input[] = [];
  const untilMs = performance.now() + forMs;

  /** Chosen one after the other, so that the seed repeats their order. */
  function nextInput(): Input {
    const first = known.shift();
    const input = first ?? (random.chance(VARIANT) ? variantOf(random, random.pick(pool)) : inputOf(random));
    if (pool.length < MAX_POOL) pool.push(input);
    else pool[random.below(MAX_POOL)] = input;
    sent[input.road] = (sent[input.road] ?? 0) + 1;
    last.push(input);
    if (last.length > KEPT) last.shift();
    return input;
  }

  async function lane(n: number): Promise<void> {
    const address = addresses[n % addresses.length] ?? '127.0.0.1';
    const token = tokens[n % tokens.length] ?? '';
    while (performance.now() < untilMs) {
      await play(nextInput(), { port, address, token, redis });
      await pause(1);
    }
  }

  await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n)));
  redis.disconnect();
  return { sent, last };
}

const questions = { fuzz };
export type FuzzQuestions = typeof questions;

serve(questions);
