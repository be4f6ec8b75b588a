// Notes which mutants a test file reaches, while nobody is awake.

import { appendFileSync } from 'node:fs';
import { afterAll, expect } from 'vitest';

const notes = process.env.FANFARE_REACHED;
const reached = new Set<number>();

if (notes) {
  Object.assign(globalThis, { $reached: reached });
  afterAll(() => {
    const note = { file: expect.getState().testPath, reached: [...reached] };
    appendFileSync(notes, `${JSON.stringify(note)}\n`);
  });
}
