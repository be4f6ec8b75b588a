// Timers whose work may throw: what it throws is told to the process's log and goes no further, so that no timer ends a process.

type FaultListener = (error: unknown) => void;

/** Until somebody listens, a fault is a warning of the process. */
let listener: FaultListener = (error) => process.emitWarning(error instanceof Error ? error : String(error));

/** Names who is told of faults: one for the process, because a timer is nobody's request. */
export function onFault(told: FaultListener): void {
  listener = told;
}

/** Tells what went wrong where nobody waits for an answer. Never throws. */
export function tellFault(error: unknown): void {
  try {
    listener(error);
  } catch {
    // Who is told of faults has one: there is nobody else to tell.
  }
}

/** Runs what a timer or a listener runs; what it throws, or what its promise rejects with, is told. */
export function contained(run: () => unknown): void {
  try {
    const result = run();
    if (result instanceof Promise) result.catch(tellFault);
  } catch (error) {
    tellFault(error);
  }
}

/** `setInterval`, contained. */
export function every(ms: number, run: () => unknown): NodeJS.Timeout {
  return setInterval(contained, ms, run);
}

/** `setTimeout`, contained. */
export function after(ms: number, run: () => unknown): NodeJS.Timeout {
  return setTimeout(contained, ms, run);
}

/** `setImmediate`, contained. */
export function soon(run: () => unknown): NodeJS.Immediate {
  return setImmediate(contained, run);
}

/** `queueMicrotask`, contained. */
export function atOnce(run: () => unknown): void {
  queueMicrotask(() => contained(run));
}

/** Once all that runs now has, promises included, and before the event loop calls anything else; contained. */
export function atEndOfCallback(run: () => unknown): void {
  queueMicrotask(() => process.nextTick(contained, run));
}

/** Resolves with `work`, which never rejects, or after `ms`. */
export function within(work: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
