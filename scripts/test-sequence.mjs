// In which order test files begin: those that last first, and those that wait spread among those that compute.

import { relative } from 'node:path';
import { BaseSequencer } from 'vitest/node';
import { LONG, WAITING } from './test-order.mjs';

const pathOf = ({ moduleId }) => relative('', moduleId);

function ordered(files, paths) {
  return paths.flatMap((path) => files.filter((file) => pathOf(file) === path));
}

export default class Spread extends BaseSequencer {
  async sort(files) {
    const long = ordered(files, LONG);
    const waiting = ordered(files, WAITING);
    const others = (await super.sort(files)).filter((file) => !long.includes(file) && !waiting.includes(file));
    const each = Math.max(1, Math.floor(others.length / Math.max(1, waiting.length)));
    const spread = others.flatMap((file, at) => (at % each === 0 ? [...waiting.splice(0, 1), file] : [file]));
    return [...long, ...spread, ...waiting];
  }
}
