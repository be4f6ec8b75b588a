// In which order test files begin: those first that are known to last.

import { relative } from 'node:path';
import { BaseSequencer } from 'vitest/node';
import { LONG, WAITING } from './test-lanes.mjs';

const FIRST = [...LONG, ...WAITING];

function rankOf({ moduleId }) {
  const at = FIRST.indexOf(relative('', moduleId));
  return at === -1 ? FIRST.length : at;
}

export default class LongFirst extends BaseSequencer {
  async sort(files) {
    return (await super.sort(files)).toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}
