// What every run sends first, and damages from then on: the bad inputs that the docs list, and what earlier runs found.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BAD_INPUTS } from '../conformance/bad-inputs.js';
import type { FrameInput, Input } from './input.js';

const FOLDER = new URL('corpus/', import.meta.url);

export function corpus(): readonly Input[] {
  return [...kept(), ...documented()];
}

/** Keeps what was sent last before something went wrong; answers the file's name. */
export function keep(name: string, inputs: readonly Input[]): string {
  const file = new URL(`${name}.json`, FOLDER);
  writeFileSync(file, `${JSON.stringify(inputs)}\n`);
  return fileURLToPath(file);
}

function kept(): readonly Input[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return files.flatMap((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as readonly Input[]);
}

function documented(): readonly Input[] {
  return BAD_INPUTS.flatMap((row): readonly Input[] => {
    if (row.kind === 'socket') {
      return [{ road: 'socket', connects: row.connect ?? true, frames: row.frames.map(textFrame), end: 'fin' }];
    }
    // Rows that open a WebSocket first, or go on for ever, are other than one input.
    if (row.kind !== 'raw' || row.open || row.repeat === true) return [];
    return [{ road: 'tcp', segments: row.segments.map(bytesOf), end: 'fin' }];
  });
}

function textFrame(payload: string | Uint8Array): FrameInput {
  const opcode = typeof payload === 'string' ? 1 : 2;
  return { payload: bytesOf(payload), opcode, fin: true, rsv: 0, masked: true };
}

function bytesOf(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
