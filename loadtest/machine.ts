// What a result was measured on.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly redis: string;
  readonly commit: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    redis: /v=(\S+)/.exec(output('redis-server', ['--version']))?.[1] ?? 'unknown',
    commit: output('git', ['rev-parse', '--short', 'HEAD']).trim() || 'unknown',
  };
}

/** The commit, and a print of what was changed since: two trees that say the same are the same. */
export function commitWithChanges(): string {
  const commit = output('git', ['rev-parse', '--short', 'HEAD']).trim();
  if (commit === '') return 'unknown';
  const changes = output('git', ['diff', 'HEAD', '--', 'src', 'discovery', 'loadtest', 'package-lock.json']);
  return changes === '' ? commit : `${commit}+${createHash('sha256').update(changes).digest('hex').slice(0, 8)}`;
}

function output(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return ''; // a result without it is still a result
  }
}
