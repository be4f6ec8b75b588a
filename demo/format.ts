// Durations, offsets and transports as people read them.

import type { Gap, Transport } from '../client-sdk/types.js';

export const TRANSPORT_NAMES: Readonly<Record<Transport, string>> = {
  websocket: 'WebSocket',
  sse: 'SSE',
  'long-poll': 'long poll',
  'short-poll': 'short poll',
};

/** Milliseconds in at most three digits and a unit: `0.8 ms`, `42 ms`, `1.9 s`, `3 min`. */
export function formatMs(ms: number): string {
  if (ms < 0.05) return '< 0.1 ms';
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 99_500) return `${Math.round(ms / 1000)} s`;
  if (ms < 5_970_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

/** The parts of an offset in which neighbours differ. */
export function shortOffset(offset: string): string {
  return `…${offset.slice(8, 14)}…${offset.slice(-4)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const GAP_REASONS: Readonly<Record<string, string>> = {
  trimmed: 'history is too short to hold it',
  expired: 'it is older than history goes back',
  lost: 'the history that held it is gone',
  rewritten: 'the log was rewritten after a failover',
  unknown: 'history does not know the position',
  conflated: 'newer messages replaced it',
};

export interface ToldGap {
  readonly title: string;
  readonly detail: string;
}

/**
 * What a gap means; `asked` when somebody came back too late on purpose. Reasons of a newer server are shown as they are.
 */
export function explainGap({ channel, reason }: Gap, asked: boolean): ToldGap {
  const goesOn = 'You are told so before anything newer; then comes all that there is.';
  if (asked) {
    const why = `You came back to ${channel} from a position that its history does not reach back to.`;
    return { title: 'Too late, and told so', detail: `${why} ${goesOn}` };
  }
  const why = `Part of it is not coming: ${GAP_REASONS[reason] ?? reason}.`;
  return { title: `A gap in ${channel}`, detail: `${why} ${goesOn}` };
}
