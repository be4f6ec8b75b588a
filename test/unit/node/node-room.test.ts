// What a node's load makes of its room.

import { expect, it } from 'vitest';
import { NodeLoad } from '../../../src/node/node-load.js';
import { NodeRoom } from '../../../src/node/node-room.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const options = { maxConnections: 100, maxMemoryBytes: 2 ** 40 };
const idle = { sample() {}, isFull: false, memory: 0.25, eventLoop: 0.5 };

it('is full at its last place, and tight until a twentieth is free', () => {
  const seen = [94, 95, 96, 99, 100, 101].map((size) => {
    const { isFull, isTight, isBusy } = new NodeRoom({ load: idle, taken: () => size, options });
    return [size, isFull, isTight, isBusy];
  });
  expect(seen).toEqual([
    [94, false, false, false],
    [95, false, false, false],
    [96, false, true, false],
    [99, false, true, false],
    [100, true, true, false],
    [101, true, true, false],
  ]);
});

it('says in figures what there is', () => {
  const { detail } = new NodeRoom({ load: idle, taken: () => 7, options });
  expect(detail).toBe('7 of 100 links, memory 25 %, event loop 50 %');
});

it('warns at the start where the process is over its memory already, and only there', () => {
  const warnings = [2 ** 40, 1024 * 1024].map((maxMemoryBytes) => {
    const logger = new RecordingLogger();
    const load = new NodeLoad(maxMemoryBytes);
    const room = new NodeRoom({ load, taken: () => 0, options: { ...options, maxMemoryBytes } });
    room.warnAtStart(logger);
    expect(room.isBusy).toBe(maxMemoryBytes === 1024 * 1024);
    return logger.lines.map(({ level, fields }) => [level, Object.keys(fields)]);
  });
  expect(warnings).toEqual([[], [['warn', ['maxMemoryBytes', 'usedBytes']]]]);
});
