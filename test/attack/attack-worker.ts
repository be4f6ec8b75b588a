// Attacks, in a process of its own: one attack, or all at once, with so many rounds under way at the same time.

import { setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '../chaos/worker-process.js';
import type { Victim } from './attacker.js';
import { ATTACKS } from './attacks.js';

export interface Onslaught {
  readonly victim: Victim;
  /** Absent: all of them. */
  readonly name?: string;
  readonly forMs: number;
  /** Of each attack. */
  readonly atOnce: number;
}

/** Elsewhere it would have processors of its own: here it takes none from those whose time is judged. */
const LAST_IN_LINE = 19;

/** Rounds that were made. */
async function attack({ victim, name, forMs, atOnce }: Onslaught): Promise<number> {
  const endsAt = performance.now() + forMs;
  let rounds = 0;
  const attackers = ATTACKS.filter((one) => name === undefined || one.name === name).flatMap((one) =>
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < endsAt) {
        await one.round(victim, rounds++);
        await pause(1);
      }
    }),
  );
  await Promise.all(attackers);
  return rounds;
}

const questions = { attack };
export type OnslaughtQuestions = typeof questions;

setPriority(LAST_IN_LINE);
serve(questions);
