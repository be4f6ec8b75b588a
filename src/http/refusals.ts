// What clients are told in place of what they asked for: counted by code, and where a token or an origin is refused, logged.

import { decodeJson, readTokenText } from '../auth/token-text.js';
import { calm } from '../lib/calm.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { type Code, codeInfo, field } from '../protocol/index.js';

const MAX_SUBJECT_LENGTH = 128;

/** Who is refused, as far as it has shown. */
export interface Refused {
  /** Names the answer, which tells the client the same. */
  readonly requestId?: string | undefined;
  readonly origin?: string | undefined;
  /** Verified; whoever has none may have shown a token. */
  readonly user?: string | undefined;
  /** Nothing in it is verified. */
  readonly token?: string | undefined;
}

/** Whether an answer names itself, so that it is found in the log: faults of ours, and tokens and origins that are refused. */
export function hasRequestId(error: unknown): boolean {
  return !(error instanceof FanfareError) || error.code === 'internal' || isTold(error.code);
}

function isTold(code: Code): boolean {
  return codeInfo(code).status === 401 || code === 'origin_denied';
}

export class Refusals {
  readonly #logger: Logger;
  readonly #counts = new Map<Code, number>();

  constructor(logger: Logger) {
    this.#logger = calm(logger);
  }

  /** Counts what a client is told. */
  count(error: unknown): void {
    const code = error instanceof FanfareError ? error.code : 'internal';
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Logs a token or an origin that is refused, once a minute for each code and origin; nothing else. */
  tell(error: unknown, { user, token, ...refused }: Refused): void {
    if (!(error instanceof FanfareError) || !isTold(error.code)) return;
    const fields = { code: error.code, sub: user?.slice(0, MAX_SUBJECT_LENGTH) ?? subjectOf(token), ...refused };
    this.#logger.warn(fields, error.code === 'origin_denied' ? 'an origin was refused' : 'a token was refused');
  }

  /** `refusals.<code>` for metrics. */
  stats(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].map(([code, count]) => [`refusals.${code}`, count]));
  }
}

/** Whose token it says it is, for whoever looks for the fault; `undefined` where that cannot be read. */
function subjectOf(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  try {
    const sub = field(decodeJson(readTokenText(token).payload, 'payload'), 'sub');
    return typeof sub === 'string' ? sub.slice(0, MAX_SUBJECT_LENGTH) : undefined;
  } catch {
    // What is no token has no subject.
    return undefined;
  }
}
