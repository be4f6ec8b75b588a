// How a process of ours ends: its exit codes, and the line that says why.

import { UnfitRedisError } from '../broker/redis/errors.js';
import { IdTakenError } from '../cluster/id-taken-error.js';
import { ConfigError, problemLine } from '../config/config-problem.js';
import { envName, flagName } from '../config/option-info.js';
import type { OptionKey } from '../config/schema.js';

/** 69, 73 and 78 are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  /** What was asked for was refused. */
  refused: 1,
  /** Something that it needs is not available. */
  unavailable: 69,
  /** Another node that lives has the id. */
  idTaken: 73,
  /** The configuration or the command line is wrong. */
  badConfig: 78,
} as const;

/** Stable codes, of servers and of the SDK, that say: not now. */
const UNAVAILABLE = new Set([
  ...['broker_unavailable', 'replicas_unavailable', 'storage_full', 'no_capacity', 'overloaded', 'draining'],
  ...['rate_limited', 'ack_timeout', 'internal', 'network', 'timeout'],
]);
const NETWORK = new Set(['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'ECONNRESET', 'EAI_AGAIN', 'EHOSTUNREACH']);
const ADDRESS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address in use',
  EADDRNOTAVAIL: 'address is not one of this machine',
  EACCES: 'address may not be used by this user',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host cannot be looked up',
};

/** Where a server was to listen, and by which options. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly options: readonly [host: OptionKey, port: OptionKey];
}

/** What can be done about it is said with it; any other error is what it was. */
export function listenFailure(error: unknown, { host, port, options: [hostOption, portOption] }: Place): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { code } = error;
  const isOfName =
    'syscall' in error && error.syscall === 'getaddrinfo' && 'hostname' in error && error.hostname === host;
  const isOfAddress = !('syscall' in error) || error.syscall === 'listen' || error.syscall === 'bind';
  const reason = ADDRESS[code];
  if (reason === undefined || !(NETWORK.has(code) ? isOfName : isOfAddress)) return error;
  const option = code === 'EADDRINUSE' || code === 'EACCES' ? portOption : hostOption;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const problem = `${reason}: ${place}; give another by ${flagName(option)} or ${envName(option)}`;
  return new ListenError(problem, { cause: error });
}

class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** What to print and how to end when a command could not do its work. */
export function failure(error: unknown): { readonly lines: readonly string[]; readonly code: number } {
  if (error instanceof ConfigError) {
    return { lines: error.problems.map((problem) => `fanfare: ${problemLine(problem)}`), code: EXIT.badConfig };
  }
  if (error instanceof UnfitRedisError) {
    return { lines: [`fanfare: redisUrl: ${error.message}`], code: EXIT.badConfig };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ListenError) return { lines: [`fanfare: ${message}`], code: EXIT.badConfig };
  if (error instanceof IdTakenError) return { lines: [`fanfare: nodeId: ${message}`], code: EXIT.idTaken };
  const systemCode = firstCode(error, (code) => code.startsWith('EADDR') || NETWORK.has(code));
  if (systemCode?.startsWith('EADDR')) {
    return { lines: [`fanfare: ${ADDRESS[systemCode]}: ${message}`], code: EXIT.badConfig };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const unavailable = systemCode !== undefined || (code !== undefined && UNAVAILABLE.has(code));
  const line = `fanfare: ${code === undefined || message.startsWith(code) ? '' : `${code}: `}${message}`;
  return { lines: [line], code: unavailable ? EXIT.unavailable : EXIT.refused };
}

/** The first code along the chain of causes that `counts`. */
function firstCode(error: unknown, counts: (code: string) => boolean): string | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    const code = 'code' in current ? current.code : undefined;
    if (typeof code === 'string' && counts(code)) return code;
    current = current.cause;
  }
  return undefined;
}
