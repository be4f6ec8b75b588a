// Starts a program that is no part of Fanfare beside the lab: on the server's processor, and gone when the lab is.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pinned } from '../affinity.js';
import { guard } from '../guard.js';

export interface Program {
  readonly pid: number;
  /** Ends it, and removes its folder. */
  close(): Promise<void>;
}

export interface ProgramOptions {
  readonly command: string;
  /** What it is called with, once its folder is known. */
  readonly args: (folder: string) => readonly string[];
  /** The file of its configuration, in its folder. */
  readonly file: string;
  readonly configuration: string;
  readonly host: string;
  /** It is ready when it accepts links here. */
  readonly port: number;
}

const READY_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 20;

/** Throws when it ends before it is ready, with what it said. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-peer-'));
  writeFileSync(join(folder, options.file), options.configuration);
  const [command = '', ...args] = [...pinned(), options.command, ...options.args(folder)];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
  let said = '';
  let failure: Error | undefined;
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-1_000);
  });
  child.once('error', (error) => {
    failure = error;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  // By a signal that it may handle: what it has started itself goes with it.
  guard(child, folder);
  const close = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const untilMs = performance.now() + READY_TIMEOUT_MS;
  while (!(await accepts(options))) {
    if (failure === undefined && child.exitCode === null && performance.now() < untilMs) continue;
    if (failure === undefined) await close();
    throw new Error(`${options.command} did not start: ${failure?.message ?? said}`);
  }
  return { pid: child.pid ?? 0, close };
}

/** Whether a program is there, by what it says when it is asked for its version. */
export function isInstalled(command: string, flag: string): boolean {
  return spawnSync(command, [flag], { stdio: 'ignore' }).error === undefined;
}

/** What it says when it is asked for its version, on one line. */
export function versionOf(command: string, flag: string): string {
  const { stdout, stderr } = spawnSync(command, [flag], { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n')[0] ?? '';
}

function accepts({ host, port }: Pick<ProgramOptions, 'host' | 'port'>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => setTimeout(() => resolve(false), LOOK_AGAIN_MS));
  });
}
