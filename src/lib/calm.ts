// Has what may happen a thousand times a second be told once a minute: the first of a cause, then how many more there were.

import type { Logger } from './logger.js';
import { after } from './timers.js';

const MINUTE_MS = 60_000;
/** Chosen: causes of one message that are told apart in a minute; those beyond are one. */
const MAX_CAUSES = 50;
const OTHERS = '';
/** Fields that tell one cause from another; what else a line holds is of the one occasion. */
const SAME = ['channel', 'node', 'address', 'queue', 'keys', 'code', 'origin', 'path'] as const;
const MAX_PART_LENGTH = 200;

interface Cause {
  readonly level: 'warn' | 'error';
  readonly fields: object;
  /** Since it was told. */
  more: number;
  /** Told within the minute that ends next. */
  isNew: boolean;
}

class CalmLogger implements Logger {
  readonly #logger: Logger;
  /** By message, then by what else tells them apart. */
  readonly #messages = new Map<string, Map<string, Cause>>();
  #minute: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  debug(fields: object, message: string): void {
    this.#logger.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.#logger.info(fields, message);
  }

  warn(fields: object, message: string): void {
    this.#tell('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#tell('error', fields, message);
  }

  #tell(level: Cause['level'], fields: object, message: string): void {
    const causes = this.#messages.get(message) ?? new Map<string, Cause>();
    this.#messages.set(message, causes);
    const own = sameOf(fields);
    const wanted = JSON.stringify(own);
    const isApart = causes.has(wanted) || causes.size < MAX_CAUSES;
    const key = isApart ? wanted : OTHERS;
    const cause = causes.get(key);
    if (cause !== undefined) {
      cause.more++;
      return;
    }
    causes.set(key, { level, fields: isApart ? own : {}, more: 0, isNew: true });
    this.#logger[level](fields, message);
    this.#minute ??= after(MINUTE_MS, () => this.#endMinute()).unref();
  }

  #endMinute(): void {
    for (const [message, causes] of this.#messages) {
      for (const [key, cause] of causes) if (!this.#staysKnown(message, cause)) causes.delete(key);
      if (causes.size === 0) this.#messages.delete(message);
    }
    this.#minute = this.#messages.size === 0 ? undefined : after(MINUTE_MS, () => this.#endMinute()).unref();
  }

  /** Tells what there was since the cause was told last, unless that is less than a minute ago. */
  #staysKnown(message: string, cause: Cause): boolean {
    const { level, fields, more, isNew } = cause;
    if (isNew) cause.isNew = false;
    else {
      cause.more = 0;
      if (more > 0) this.#logger[level]({ ...fields, more }, message);
    }
    return isNew || more > 0;
  }
}

const calmed = new WeakMap<Logger, CalmLogger>();

/**
 * The same log for what strangers, data or one fault may cause again and again: of warnings and errors that are alike (message,
 * channel, node, address, keys, code, origin, error) it writes one line a minute, from the second on with `more`, the number of those
 * that were not written. What changes a state is told by the log itself, each time.
 */
export function calm(logger: Logger): Logger {
  let calmLogger = calmed.get(logger);
  if (calmLogger === undefined) {
    calmLogger = new CalmLogger(logger);
    calmed.set(logger, calmLogger);
  }
  return calmLogger;
}

function sameOf(fields: object): Readonly<Record<string, string>> {
  const given: Readonly<Record<string, unknown>> = { ...fields };
  const same: Record<string, string> = {};
  for (const name of SAME) if (given[name] !== undefined) same[name] = String(given[name]).slice(0, MAX_PART_LENGTH);
  if (given.error !== undefined) same.cause = causeOf(given.error).slice(0, MAX_PART_LENGTH);
  return same;
}

function causeOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
