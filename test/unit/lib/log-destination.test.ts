// Nobody waits for whoever reads the log: what is not taken is kept up to a bound, then dropped and counted.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const FLOOD = fileURLToPath(new URL('../../support/log-flood.ts', import.meta.url));
/** Some 10 MB: more than a pipe and the destination hold together. */
const MANY = 20_000;
/** More than a pipe holds, and less than waits. */
const FEW = 1_500;

let child: ChildProcess | undefined;
let release = () => {};
afterEach(() => {
  child?.kill('SIGKILL');
  release();
});

/** Standard error as a supervisor may have it; it is read only once `read` is called. */
interface Ends {
  readonly stdio: 'pipe' | number;
  read(of: ChildProcess): Readable;
}

const KINDS: Readonly<Record<string, () => Ends>> = {
  socket: () => ({
    stdio: 'pipe',
    read: ({ stderr }) => {
      if (stderr === null) throw new Error('no standard error');
      return stderr;
    },
  }),
  pipe: () => {
    const directory = mkdtempSync(join(tmpdir(), 'fanfare-log-'));
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    // Both ends, so that opening it waits for nobody.
    const fd = openSync(path, constants.O_RDWR);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    release = () => rmSync(directory, { recursive: true, force: true });
    return {
      stdio: fd,
      read: () => {
        closeSync(fd);
        return new Socket({ fd: reader, readable: true, writable: false });
      },
    };
  },
};

function flood(ends: Ends, lines: number, mode = ''): { readonly ended: Promise<unknown>; told(): Promise<string> } {
  const args = ['--import', 'tsx', FLOOD, String(lines), mode];
  const started = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', ends.stdio] });
  child = started;
  const answers = createInterface({ input: started.stdout ?? process.stdin })[Symbol.asyncIterator]();
  return { ended: once(started, 'exit'), told: async () => String((await answers.next()).value) };
}

/** The `line` of each line that is read, the losses that are told, what the last one says, and whether one says that it ends; every one of them is whole. */
async function linesOf(stream: Readable) {
  const numbers: number[] = [];
  const lost: number[] = [];
  let last = '';
  let hasEnd = false;
  for await (const text of createInterface({ input: stream })) {
    const { line, lines, msg } = JSON.parse(text) as { line?: number; lines?: number; msg: string };
    if (line !== undefined) numbers.push(line);
    if (lines !== undefined) lost.push(lines);
    last = msg;
    hasEnd ||= msg === 'ending';
  }
  return { numbers, lost, last, hasEnd };
}

describe.each(Object.keys(KINDS))('a log whose reader stalls, on a %s', (kind) => {
  it('stops nobody: what it does not take is dropped and counted, and the rest is whole and in order', async () => {
    const ends = KINDS[kind]?.() as Ends;
    const { ended, told } = flood(ends, MANY);
    // Nobody has read a byte.
    const { logLinesDropped } = JSON.parse(await told());
    expect(logLinesDropped).toBeGreaterThan(0);
    const reading = linesOf(ends.read(child as ChildProcess));
    child?.stdin?.end();
    await ended;
    const { numbers, lost, hasEnd } = await reading;
    // One line at the hole tells its size; the line at the end has no room where that comes before the reader has caught up.
    expect(lost).toEqual([MANY - numbers.length + Number(!hasEnd)]);
    expect(numbers.length).toBeGreaterThanOrEqual(MANY - logLinesDropped);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('is given the last lines before a fault ends the process, if it reads then', async () => {
    const ends = KINDS[kind]?.() as Ends;
    const { ended, told } = flood(ends, FEW, 'at-once');
    expect(JSON.parse(await told())).toEqual({ logLinesDropped: 0 });
    const reading = linesOf(ends.read(child as ChildProcess));
    await ended;
    const numbers = Array.from({ length: FEW }, (_, n) => n + 1);
    expect(await reading).toEqual({ numbers, lost: [], last: 'ending', hasEnd: true });
  });
});
