// The rules of a channel's name, and the namespace that it belongs to.

import { LIMITS } from './limits.js';

const ALLOWED = /^[A-Za-z0-9_.:@=+~-]+$/;

/**
 * Names the rule that `name` breaks, or returns `undefined` for a good name: `[A-Za-z0-9_.:@=+~-]`, 1..200 bytes,
 * not `.` or `..`, no empty part before or after the first colon.
 */
export function channelNameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'a channel name is a string';
  if (name.length === 0) return 'a channel name is not empty';
  if (name.length > LIMITS.channelNameBytes) return `a channel name has at most ${LIMITS.channelNameBytes} bytes`;
  if (!ALLOWED.test(name)) return 'a channel name has only A-Z a-z 0-9 _ . : @ = + ~ -';
  if (name === '.' || name === '..') return 'a channel name is not "." or ".."';
  const colon = name.indexOf(':');
  if (colon === 0 || colon === name.length - 1) return 'a channel name has no empty part around its first colon';
  return undefined;
}

/**
 * Names the rule that a pattern of channels breaks, or returns `undefined`: a channel's name, or a prefix that ends in `*`; `*` alone
 * only with `allowStar`.
 */
export function channelPatternProblem(pattern: string, allowStar: boolean): string | undefined {
  if (!pattern.endsWith('*')) return channelNameProblem(pattern);
  const prefix = pattern.slice(0, -1);
  if (prefix === '') return allowStar ? undefined : '"*" alone is not allowed here';
  // A prefix is good when some name can begin with it.
  return channelNameProblem(prefix.length < LIMITS.channelNameBytes ? `${prefix}x` : prefix);
}

/** The namespace of a good channel name: what stands before the first colon, else `default`. */
export function namespaceOf(channel: string): string {
  const colon = channel.indexOf(':');
  return colon === -1 ? 'default' : channel.slice(0, colon);
}
