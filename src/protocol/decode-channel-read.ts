// Decodes what `GET /v1/channels/{channel}` asks for: the name in its path, and the parameters of its query.

import { channelName, type Decoded, decoding, picture, refuse } from './decode.js';
import type { ChannelRead } from './http.js';
import { LIMITS } from './limits.js';
import { type Begin, isAfter, isOffset, NOW, START } from './offset.js';

const LIVE = ['long-poll', 'sse'] as const;
const FORMATS = ['data', 'messages'] as const;
const DIGITS = /^\d{1,4}$/;
/** What a node gives out is in Unix milliseconds. */
const CURSOR = /^\d{1,15}$/;

/** What the headers of a request say beside its URL. */
export interface ChannelReadHeaders {
  /** What an `EventSource` heard last; in its stead begins a stream that names it. */
  readonly lastEventId?: string | undefined;
}

/**
 * `channel` is the name as it stands in the path, percent-decoded once; `query` has no `?`. Parameters that are not known are ignored, since what
 * stands in front of a node may add some; those that are known come once at most.
 */
export function decodeChannelRead(
  channel: string,
  query: string,
  { lastEventId }: ChannelReadHeaders = {},
): Decoded<ChannelRead> {
  return decoding(() => {
    const parameters = parametersIn(query);
    const one = (name: string): string | undefined => {
      const values = parameters.filter(([found]) => found === name);
      if (values.length > 1) refuse('bad_parameter', `"${name}": expected once, got ${values.length} times`);
      return values[0] && unescaped(values[0][1]);
    };
    const live = choice('live', one('live'), LIVE);
    const [offset, last] = [one('offset'), one('last')];
    if (live !== undefined && offset === undefined && last === undefined) {
      refuse('bad_parameter', `"offset": expected, where "live" is ${live}`);
    }
    const begin = beginOf(offset, last);
    return {
      channel: channelName(channel),
      begin: live === 'sse' && isOffset(lastEventId) ? lastEventId : begin,
      live,
      cursor: cursorOf(one('cursor')),
      format: choice('format', one('format'), FORMATS) ?? 'data',
    };
  });
}

type Parameter = readonly [name: string | undefined, text: string];

/** A value stays as it was written until somebody asks for it: what is not known need not be well-formed. */
function parametersIn(query: string): readonly Parameter[] {
  return query.split('&').map((text): Parameter => {
    const at = text.indexOf('=');
    return at === -1 ? [decoded(text), ''] : [decoded(text.slice(0, at)), text.slice(at + 1)];
  });
}

function unescaped(text: string): string {
  return decoded(text) ?? refuse('bad_encoding', 'the query is not well-formed percent-encoding');
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function beginOf(offset: string | undefined, last: string | undefined): Begin {
  if (last === undefined) {
    if (offset === undefined) return START;
    if (isAfter(offset)) return offset;
    refuse('bad_offset', `"offset": expected -1, now or an offset, got ${picture(offset)}`);
  }
  if (offset !== undefined) refuse('bad_parameter', 'expected one of "offset" and "last", got both');
  const count = DIGITS.test(last) ? Number(last) : Number.NaN;
  if (!(count <= LIMITS.maxLastMessages)) {
    refuse('bad_parameter', `"last": expected an integer from 0 to ${LIMITS.maxLastMessages}, got ${picture(last)}`);
  }
  return count === 0 ? NOW : { last: count };
}

function cursorOf(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (!CURSOR.test(cursor))
    refuse('bad_parameter', `"cursor": expected one that was given out, got ${picture(cursor)}`);
  return Number(cursor);
}

function choice<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const chosen = allowed.find((text) => text === value);
  if (chosen !== undefined) return chosen;
  return refuse('bad_parameter', `"${name}": expected ${allowed.join(' or ')}, got ${picture(value)}`);
}
