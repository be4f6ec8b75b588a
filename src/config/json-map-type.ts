// The type of an option that is a map in a file, and a text with that map in JSON elsewhere.

import { z } from 'zod';

/** The name that a map cannot have as the others are had: what it holds would vanish without a word. */
const NO_NAME = '__proto__';

/** Reads the text; `example` is what a mistake is answered with. */
export const jsonMapType = (example: string) =>
  z.unknown().transform((raw, context): unknown => {
    const refuse = (message: string, input: unknown, path: string[] = []) => {
      context.addIssue({ code: 'custom', message, input, path });
      return z.NEVER;
    };
    try {
      const map: unknown = typeof raw === 'string' ? JSON.parse(raw) : raw;
      const path = nameless(map);
      return path === undefined ? map : refuse('another name', NO_NAME, path);
    } catch {
      return refuse(`a JSON map, such as ${example}`, raw);
    }
  });

/** Where `NO_NAME` stands in what may come from JSON or YAML. */
function nameless(value: unknown): string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, NO_NAME)) return [NO_NAME];
  for (const [name, inner] of Object.entries(value)) {
    const path = nameless(inner);
    if (path !== undefined) return [name, ...path];
  }
  return undefined;
}
