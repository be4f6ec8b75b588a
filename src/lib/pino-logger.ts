// The process's logger: pino to standard error, pretty on a terminal, without secrets or raw control characters.

import { isatty } from 'node:tty';
import pino, { type DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { FanfareError } from './errors.js';
import { LogDestination } from './log-destination.js';
import type { Logger } from './logger.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface PinoLoggerOptions {
  readonly level: LogLevel;
  /** Fields of every line, such as the role. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Where lines go; standard error when absent. */
  readonly destination?: DestinationStream;
  /** Lines for people instead of JSON; when absent, whether standard error is a terminal. */
  readonly pretty?: boolean;
}

const STANDARD_ERROR = 2;
/** Of the system, or of a request; one of Node's own, as `ERR_INVALID_ARG_TYPE`, tells of a mistake. */
const SYSTEM_CODE = /^(E(?!RR_)[A-Z0-9_]+|UND_ERR_\w+)$/;
/** Specified by pino. */
const ERROR_LEVEL = 50;
const HIDDEN = '(hidden)';
const SECRET_NAME = /^(token|ticket|secret|password|authorization|cookie|adminKey|publishKeys?|[a-z]+Secrets?)$/i;
/** A JWT, and the user part of a URL, wherever they stand in a text. */
const SECRET_TEXT = /\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*|(?<=:\/\/)[^/\s@]+(?=@)/g;
/** Fields deeper or longer than this are cut: a log line is no place for a peer's whole message. */
const MAX_DEPTH = 4;
const MAX_TEXT = 4_000;
const MAX_ITEMS = 50;

/** The logger of a process. */
export interface ProcessLogger extends Logger {
  /** Lines that nobody took in time. */
  stats(): { readonly logLinesDropped: number };
}

/** Never waits for whoever reads the log; the last lines before an exit are written nevertheless, if they can be. */
export function createPinoLogger(options: PinoLoggerOptions): ProcessLogger {
  let { destination } = options;
  let standardError: LogDestination | undefined;
  if (destination === undefined) {
    standardError = new LogDestination(STANDARD_ERROR);
    destination = standardError;
  }
  const readable = options.pretty ?? isatty(STANDARD_ERROR);
  const logger = pino(
    {
      level: options.level,
      base: { pid: process.pid, ...options.fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { logMethod: withoutStacks },
      formatters: { level: (label) => ({ level: label }), log: (fields) => scrubbedFields(fields, 0) },
    },
    readable ? forPeople(destination) : destination,
  );
  if (standardError !== undefined) {
    standardError.onCaughtUp = (lines) =>
      logger.warn({ lines }, 'the reader of the log stalled: so many lines are lost');
  }
  return Object.assign(logger, { stats: () => ({ logLinesDropped: standardError?.dropped ?? 0 }) });
}

/** Below `error` a fault that has a code was expected, and where in our source it was met is of no use to whoever reads of it. */
function withoutStacks(this: pino.Logger, args: Parameters<pino.LogFn>, method: pino.LogFn, level: number): void {
  const [fields, ...rest] = args as unknown as [unknown, ...[string]];
  const isOther = typeof fields !== 'object' || fields === null || fields instanceof Error;
  if (level >= ERROR_LEVEL || isOther) return method.apply(this, args);
  const told = Object.entries(fields).map(([name, value]) => [name, isExpected(value) ? toldOf(value, 1) : value]);
  method.apply(this, [Object.fromEntries(told), ...rest]);
}

function isExpected(value: unknown): value is Error & { readonly code: string } {
  if (!(value instanceof Error) || !('code' in value) || typeof value.code !== 'string') return false;
  return value instanceof FanfareError || SYSTEM_CODE.test(value.code);
}

function toldOf({ name, code, message, cause }: Error & { readonly code: string }, depth: number): object {
  return {
    type: name,
    code,
    message,
    ...(cause !== undefined && { cause: isExpected(cause) && depth < MAX_DEPTH ? toldOf(cause, depth + 1) : cause }),
  };
}

function forPeople(destination: DestinationStream): DestinationStream {
  const format = prettyFactory({
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    errorLikeObjectKeys: [],
  });
  return { write: (line) => destination.write(format(line)) };
}

function scrubbedFields(fields: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, MAX_ITEMS);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, SECRET_NAME.test(name) ? HIDDEN : scrubbed(value, depth + 1)]),
  );
}

function scrubbed(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return printable(value.slice(0, MAX_TEXT)).replaceAll(SECRET_TEXT, HIDDEN);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return '(cut)';
  if (value instanceof Error) return scrubbedError(value, depth);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => scrubbed(item, depth + 1));
  return scrubbedFields(value, depth);
}

function scrubbedError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? error.code : undefined;
  const fields = {
    type: name,
    ...(code !== undefined && { code }),
    message,
    stack,
    ...(cause !== undefined && { cause }),
  };
  return scrubbedFields(fields, depth);
}

/** A terminal must not obey what a peer sent. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '?');
}
