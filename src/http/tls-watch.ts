// Looks at the files of a certificate and its key, and hands on a new pair once it is whole.

import { calm } from '../lib/calm.js';
import type { Logger } from '../lib/logger.js';
import { type PeriodicTask, periodically } from '../lib/periodic-tasks.js';
import { readTextFileLater } from '../lib/text-file.js';
import { type TlsPair, tlsEndsAtMs, tlsProblem, tlsProblemText } from '../lib/tls-pair.js';

/** Chosen: whoever has put a new certificate there sees it served at once, and two small files are read for that. */
const LOOK_EVERY_MS = 2_000;

export interface TlsWatchParts {
  /** What is served. */
  readonly pair: TlsPair;
  readonly logger: Logger;
}

/** Serves with a new pair from now on; may throw or reject, and goes on with the one before then. */
type Renew = (pair: TlsPair) => void | Promise<void>;

/**
 * Contents are compared, since a file that is replaced, or a link that leads elsewhere, tells of itself in many ways. Two files
 * are never written at once: what does not fit together is told of when it is still so at the next look.
 */
export class TlsWatch {
  readonly #logger: Logger;
  #pair: TlsPair;
  #renew: Renew = () => undefined;
  #timer: PeriodicTask | undefined;
  #isLooking = false;
  /** What did not work at the last look, and what was told last. */
  #problem = '';
  #told = '';

  constructor({ pair, logger }: TlsWatchParts) {
    this.#pair = pair;
    this.#logger = logger;
  }

  /** What is served. */
  get pair(): TlsPair {
    return this.#pair;
  }

  /** One listener. */
  onRenewed(renew: Renew): void {
    this.#renew = renew;
  }

  start(): void {
    this.close();
    const endsAtMs = tlsEndsAtMs(this.#pair);
    if (endsAtMs < Date.now()) {
      const { certFile } = this.#pair;
      const ended = new Date(endsAtMs).toISOString();
      calm(this.#logger).warn({ certFile, ended }, 'the certificate has expired: clients will not connect');
    }
    this.#timer = periodically(LOOK_EVERY_MS, () => this.look()).unref();
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.stop();
  }

  /** Looks once, unless a look is under way. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#take();
    } finally {
      this.#isLooking = false;
    }
  }

  async #take(): Promise<void> {
    const { certFile, keyFile } = this.#pair;
    try {
      const [cert, key] = await Promise.all([readTextFileLater(certFile), readTextFileLater(keyFile)]);
      const isSame = cert === this.#pair.cert && key === this.#pair.key;
      if (!isSame) await this.#change({ certFile, keyFile, cert, key });
      this.#problem = '';
      this.#told = '';
    } catch (error) {
      this.#tell(error instanceof Error ? error.message : String(error));
    }
  }

  async #change(pair: TlsPair): Promise<void> {
    const problem = tlsProblem(pair);
    if (problem !== undefined) throw new Error(tlsProblemText(problem, pair));
    await this.#renew(pair);
    this.#pair = pair;
    const ends = new Date(tlsEndsAtMs(pair)).toISOString();
    calm(this.#logger).info({ certFile: pair.certFile, ends }, 'new connections get the new certificate');
  }

  /** Once for each problem, and not before it has lasted. */
  #tell(problem: string): void {
    const lasts = problem === this.#problem;
    this.#problem = problem;
    if (!lasts || problem === this.#told) return;
    this.#told = problem;
    const { certFile, keyFile } = this.#pair;
    const said = 'the new certificate cannot be used: going on with the one before';
    calm(this.#logger).error({ certFile, keyFile, problem }, said);
  }
}
