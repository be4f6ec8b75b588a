// Asks again for a while what may be true for a moment alone, as it is of a process that has just started.

import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from './ask.js';

/** Chosen: discovery looks for nodes twice a second, each of which tells of itself once a second. */
const SETTLED_MS = 3_000;
const ASK_AGAIN_MS = 200;

/** The first answer that is not `isPassing`, or the last one. */
export async function untilSettled(
  question: () => Promise<Answer | undefined>,
  isPassing: (answer: Answer) => boolean,
): Promise<Answer | undefined> {
  const until = performance.now() + SETTLED_MS;
  for (;;) {
    const answer = await question();
    if (answer === undefined || !isPassing(answer) || performance.now() > until) return answer;
    await pause(ASK_AGAIN_MS);
  }
}
