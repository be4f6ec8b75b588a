// Runs the node's callbacks so that nothing that they throw passes the engine.

/** Calls `call`; what it throws, or what its promise rejects with, goes to `failed`. */
export function guarded(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
