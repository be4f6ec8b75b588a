// How much memory this process has, also where the system cannot be asked.

/** Reads the resident bytes; Node reads a file for it and throws `EMFILE` at the limit of open files: then the last value stands. */
export function residentMemory(read: () => number = process.memoryUsage.rss): () => number {
  let last = 0;
  return () => {
    try {
      last = read();
    } catch {
      // A moment without descriptors: memory has hardly changed since.
    }
    return last;
  };
}
