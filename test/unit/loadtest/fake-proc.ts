// A /proc of numbers that a test sets: the threads of processes, and what the machine as a whole did.

import type { Proc } from '../../../loadtest/proc.js';

const NS_PER_MS = 1e6;

export class FakeProc implements Proc {
  /** CPU in milliseconds by process and thread. */
  readonly threads = new Map<number, Map<string, number>>();
  /** CPU in milliseconds of threads that have ended. */
  readonly ended = new Map<number, number>();
  /** Milliseconds, all processors together. */
  idleMs = 0;
  stolenMs = 0;
  /** Of the main thread of every process. */
  sleeps = 0;
  readonly processors: number;

  constructor(processors: number) {
    this.processors = processors;
  }

  use(pid: number, thread: string, ms: number): void {
    const threads = this.threads.get(pid) ?? new Map<string, number>();
    this.threads.set(pid, threads.set(thread, (threads.get(thread) ?? 0) + ms));
  }

  end(pid: number, thread: string): void {
    const ms = this.threads.get(pid)?.get(thread) ?? 0;
    this.threads.get(pid)?.delete(thread);
    this.ended.set(pid, (this.ended.get(pid) ?? 0) + ms);
  }

  list(path: string): readonly string[] {
    return [...this.of(Number(path.split('/')[0])).keys()];
  }

  read(path: string): string {
    const [first = '', second, thread = '', file] = path.split('/');
    if (first === 'stat') return this.machine();
    const pid = Number(first);
    if (file === 'status')
      return `Name:\tnode\nvoluntary_ctxt_switches:\t${this.sleeps}\nnonvoluntary_ctxt_switches:\t1\n`;
    if (second === 'task') return `${(this.of(pid).get(thread) ?? 0) * NS_PER_MS} 0 1\n`;
    const all = [...this.of(pid).values()].reduce((sum, ms) => sum + ms, this.ended.get(pid) ?? 0);
    const ticks = Math.floor(all / 10);
    return `${pid} (a name) with ) parentheses) S 1 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0\n`;
  }

  private of(pid: number): Map<string, number> {
    const threads = this.threads.get(pid);
    if (threads === undefined) throw new Error(`there is no process ${pid}`);
    return threads;
  }

  private machine(): string {
    const line = (name: string) =>
      `${name} 7 0 7 ${Math.floor(this.idleMs / 10)} 0 0 0 ${Math.floor(this.stolenMs / 10)} 0 0`;
    const each = Array.from({ length: this.processors }, (_, at) => line(`cpu${at}`));
    return [line('cpu '), ...each, 'intr 0'].join('\n');
  }
}
