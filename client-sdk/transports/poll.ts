// The `long-poll` and `short-poll` transports: the same request again and again, from the positions reached.

import type { Begin, Feature, HEADERS, PATHS, PolledChannel } from '../../src/protocol/index.js';
import { backoff } from '../backoff.js';
import { isOpen } from '../channel.js';
import { type LinkHost, type OpenLink, placesOf, type Wanted } from '../link.js';
import {
  ANSWER_GOAL_MS,
  FIRST_ANSWER_BYTES,
  HEARTBEAT_MS,
  LOOP_ANSWERS,
  LOOP_MS,
  MOST_GROWTH,
  REPEAT_FAILURES,
} from '../numbers.js';
import { bounded, pollAnswer } from '../poll-answer.js';
import type { Signal } from '../types.js';
import { createHttpLink } from './http-link.js';

export const poll =
  (transport: 'long-poll' | 'short-poll'): OpenLink =>
  (host) => {
    const { clock, random, session, pollWaitMs, pollIntervalMs } = host;
    const isLong = transport === 'long-poll';
    let idleAnswers = 0;
    let idleSinceMs = 0;
    /** What the network is thought to carry within the goal. */
    let answerBytes = FIRST_ANSWER_BYTES;

    return createHttpLink(
      host,
      transport,
      // A short poll may take as long as a node may be silent.
      isLong ? pollWaitMs : pollIntervalMs + HEARTBEAT_MS,
      async (question) => {
        const { asked, fresh, signal, post, take, touch } = question;
        // The first answer is not waited for: it shows that the link works.
        const waitMs = isLong && !fresh.size ? pollWaitMs : 0;
        const maxBytes = Math.min(answerBytes, session.maxBytes ?? answerBytes);
        // Nothing is waited for there: it may answer for many at once.
        const cached = isLong ? [] : await readCached(host, asked.values(), signal, touch);
        const news = new Map(cached.map(({ name, polled }) => [name, polled]));
        const rest = [...asked.values()].filter(({ name }) => !news.has(name));
        let carried = answerBytes;
        let moves: unknown;
        if (rest[0]) {
          const body = { channels: placesOf(rest), waitMs, maxBytes, features: ['positions' satisfies Feature] };
          const response = await post('/v1/poll' satisfies (typeof PATHS)['poll'], body);
          const beganMs = clock.monotonic();
          const answer = await pollAnswer(response, session, signal, touch);
          if (!answer) return 0;
          for (const [name, polled] of Object.entries(answer)) news.set(name, polled);
          carried *= Math.min(MOST_GROWTH, ANSWER_GOAL_MS / (clock.monotonic() - beganMs));
          moves = response.headers.get('Fanfare-Move' satisfies (typeof HEADERS)['move']);
        }
        for (const { name, begin } of cached) question.after = { ...question.after, [name]: begin };
        answerBytes = FIRST_ANSWER_BYTES;
        let pauseMs = isLong ? 0 : pollIntervalMs;
        for (const [channel, wanted] of asked) {
          const { position } = wanted;
          const polled = news.get(channel);
          if (!polled && isOpen(position)) continue;
          const { offset = position as string, gap, messages = [], more } = polled ?? {};
          const begin = question.after[channel] as Begin;
          // The last messages come with the position behind them.
          const before = begin === 'now' ? offset : isOpen(begin) ? '-1' : (begin as string);
          take({ type: 'subscribed', channel, offset: before, recovered: !gap });
          if (gap) take({ type: 'gap', channel, ...gap });
          for (const message of messages) take({ type: 'message', channel, ...message });
          take({ type: 'subscribed', channel, offset, recovered: true });
          if (more) {
            pauseMs = 0;
            answerBytes = bounded(carried);
          }
          // What is told again, or to no purpose since another has taken over, is no progress; a live-only message is, and moves nothing.
          if (wanted.position !== position || messages.some((message) => !message.offset)) idleAnswers = 0;
        }
        if (moves) take({ type: 'move', withinMs: 0, reason: 'draining' });
        const now = clock.monotonic();
        if (!idleAnswers) idleSinceMs = now;
        if (++idleAnswers >= LOOP_ANSWERS) {
          idleAnswers = 0;
          if (now - idleSinceMs < LOOP_MS) pauseMs = backoff(REPEAT_FAILURES, random());
        }
        return pauseMs;
      },
    );
  };

interface Cached {
  readonly name: string;
  /** Where it was asked for. */
  readonly begin: Begin;
  readonly polled: PolledChannel;
}

/** What a cache answers for them; whatever it has no answer for is left to the node. */
const readCached = async (
  host: LinkHost,
  asked: Iterable<Wanted>,
  signal: Signal,
  touch: () => void,
): Promise<readonly Cached[]> => {
  const all = await Promise.all(
    [...asked].map(async ({ name, position: begin, maxPerSecond }) => {
      // A pace is the node's to keep.
      const polled = maxPerSecond ? undefined : await host.readCache?.(host, host.session, name, begin, signal);
      if (polled) touch();
      return { name, begin, polled };
    }),
  );
  return all.filter(({ polled }) => polled) as readonly Cached[];
};
