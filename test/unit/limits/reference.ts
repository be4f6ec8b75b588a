// The five algorithms once more, straight from their definitions: slow, over all that ever came, and with nothing kept between.

import type { RateLimitConfig } from '../../../src/limits/create-rate-limiter.js';

export interface Asked {
  readonly atMs: number;
  readonly cost: number;
  readonly allowed: boolean;
}

/** Rounding that is forgiven, as in the limiters. */
const ALLOWANCE = 1e-6;

/** The units that fit at `nowMs` after `history`, whose times do not go back; may be negative. */
export function roomAt(config: RateLimitConfig, history: readonly Asked[], nowMs: number): number {
  switch (config.algorithm) {
    case 'token-bucket':
      return roomUnderCurve(config.burst, config.perSecond, history, nowMs);
    case 'leaky-bucket':
      return roomUnderCurve(config.capacity ?? 1, config.perSecond, history, nowMs);
    case 'fixed-window':
      return config.limit - within(history, windowOf(nowMs, config.windowMs), nowMs);
    case 'sliding-window-log': {
      const { limit, windowMs, countRefused = true } = config;
      const counted = history.filter(({ allowed, cost }) => allowed || (countRefused && cost <= limit));
      return limit - sum(counted.filter(({ atMs }) => atMs > nowMs - windowMs));
    }
    case 'sliding-window-counter': {
      const { limit, windowMs } = config;
      const startMs = windowOf(nowMs, windowMs);
      const last = within(history, startMs - windowMs, startMs - 1);
      return limit - within(history, startMs, nowMs) - last * (1 - (nowMs - startMs) / windowMs);
    }
  }
}

export function fits(config: RateLimitConfig, history: readonly Asked[], cost: number, nowMs: number): boolean {
  return cost <= roomAt(config, history, nowMs) + ALLOWANCE;
}

/** What any span that ends now may hold is its burst and what came back in it; before the first it was whole. */
function roomUnderCurve(burst: number, perSecond: number, history: readonly Asked[], nowMs: number): number {
  let room = burst;
  for (const { atMs } of history) {
    const inSpan = sum(history.filter((one) => one.allowed && one.atMs >= atMs));
    room = Math.min(room, burst + (perSecond * (nowMs - atMs)) / 1_000 - inSpan);
  }
  return room;
}

function windowOf(nowMs: number, windowMs: number): number {
  return Math.floor(nowMs / windowMs) * windowMs;
}

function within(history: readonly Asked[], fromMs: number, toMs: number): number {
  return sum(history.filter(({ atMs, allowed }) => allowed && atMs >= fromMs && atMs <= toMs));
}

function sum(history: readonly Asked[]): number {
  return history.reduce((total, { cost }) => total + cost, 0);
}
