// The type of an option that is a map in a file, and a text with that map in JSON elsewhere.

import { z } from 'zod';

/** Reads the text; `example` is what a mistake is answered with. */
export const jsonMapType = (example: string) =>
  z.unknown().transform((raw, context): unknown => {
    if (typeof raw !== 'string') return raw;
    try {
      return JSON.parse(raw);
    } catch {
      context.addIssue({ code: 'custom', message: `a JSON map, such as ${example}`, input: raw });
      return z.NEVER;
    }
  });
