// The answer to a poll, read piece by piece; where one is cut midway the next asks for less: what is too long for a network comes in parts.

import type { PollResponse } from '../src/protocol/index.js';
import type { Failure } from './errors.js';
import { pieces } from './http.js';
import { MAX_ANSWER_BYTES, MAX_EVENT_LENGTH, MIN_ANSWER_BYTES } from './numbers.js';
import type { Given } from './session.js';
import type { ResponseLike, Signal } from './types.js';

export const bounded = (bytes: number) => Math.floor(Math.min(Math.max(bytes, MIN_ANSWER_BYTES), MAX_ANSWER_BYTES));

/**
 * Its channels; `undefined` where it was cut, and asking again for as much as `given` says now can help. Each piece is told, so that a slow
 * link is no dead one.
 */
export const pollAnswer = async (
  response: ResponseLike,
  given: Given,
  signal: Signal,
  touch: () => void,
): Promise<PollResponse['channels'] | undefined> => {
  let text = '';
  const read = async (): Promise<unknown> => {
    // As in React Native, where it comes as a whole.
    if (!response.body) return response.json();
    const decoder = new TextDecoder();
    const reader = pieces(response.body);
    for (;;) {
      const { done, value } = await reader.read();
      touch();
      if (done) return JSON.parse(text + decoder.decode());
      text += decoder.decode(value, { stream: true });
      if (text.length > MAX_EVENT_LENGTH) throw new RangeError('answer');
    }
  };

  touch();
  if (response.status === 204) return {};
  const { maxBytes = MAX_EVENT_LENGTH } = given;
  let answer: PollResponse;
  try {
    answer = (await read()) as PollResponse;
  } catch (error) {
    const less = bounded(text.length / 2);
    // What another has taken over from was not cut by the network.
    const isCut = text[0] === '{' && (!signal.aborted || (signal.reason as Failure | undefined)?.close);
    if (!isCut || less >= maxBytes) throw error;
    given.maxBytes = less;
    return undefined;
  }
  const isMore = Object.values(answer.channels).some(({ more }) => more);
  given.maxBytes = isMore && given.maxBytes ? bounded(maxBytes * 1.5) : undefined;
  return answer.channels;
};
