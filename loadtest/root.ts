// Where this repository lies, seen from the sources and from the build alike: what runs as a process of its own is always the built one.

const HERE = new URL('./', import.meta.url);

export const ROOT = new URL(HERE.pathname.endsWith('/dist/loadtest/') ? '../../' : '../', HERE);

/** A built file of the load lab. */
export function built(file: string): URL {
  return new URL(`dist/loadtest/${file}`, ROOT);
}
