// A network of its own for a few peers, joined to this machine by a cable that can be pulled; needs root.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const ip = (...args: readonly string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

/** Whether this process may make one. */
export function canMakeNamespaces(): boolean {
  const name = `fanfare-may-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return false;
  ip('netns', 'del', name);
  return true;
}

export class NetworkNamespace {
  /** This machine's address on the cable. */
  readonly hostAddress: string;
  readonly #name: string;
  readonly #cable: string;
  readonly #children: ChildProcess[] = [];

  /** `number`, below 64, is one that nobody else of the run has. */
  constructor(number: number) {
    const network = (process.pid % 200) + 16;
    this.hostAddress = `10.${network}.${number}.1`;
    this.#name = `fanfare-${process.pid}-${number}`;
    this.#cable = `ff${process.pid % 100_000}n${number}`;
    ip('netns', 'add', this.#name);
    ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#name);
    ip('addr', 'add', `${this.hostAddress}/24`, 'dev', this.#cable);
    ip('link', 'set', this.#cable, 'up');
    ip('-n', this.#name, 'addr', 'add', `10.${network}.${number}.2/24`, 'dev', 'eth0');
    ip('-n', this.#name, 'link', 'set', 'eth0', 'up');
  }

  /** Starts a command inside. */
  run(command: string, args: readonly string[]): void {
    this.#children.push(spawn('ip', ['netns', 'exec', this.#name, command, ...args], { stdio: 'ignore' }));
  }

  /** From now on nothing passes, and nobody is told. */
  pullCable(): void {
    ip('-n', this.#name, 'link', 'set', 'eth0', 'down');
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    ip('netns', 'del', this.#name);
  }
}
