// The clocks for durations: they go on evenly when somebody sets the system's clock. What tokens claim is judged by `Date.now`.

/**
 * Whole milliseconds since some moment of this process's start; only differences mean anything. Never goes back. Whole, because a
 * fraction that is kept takes 16 bytes beside the field that keeps it, and a link keeps five.
 */
export function monotonicNowMs(): number {
  return Math.floor(performance.now());
}

/**
 * Before every moment of {@link monotonicNowMs}, and of any time before that which is asked for. As far back as a number goes that is kept in its
 * field: a fraction, or minus infinity, takes 16 bytes more.
 */
export const NEVER_MS = -(2 ** 31);

/** Unix milliseconds as they would be if nobody had set the clock since this process started. Never goes back. */
export function steadyUnixMs(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}
