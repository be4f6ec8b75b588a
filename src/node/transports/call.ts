// One HTTP request on its way through the node: what it shows and sends, and an answer with the right headers.

import { randomUUID } from 'node:crypto';
import type { Identity } from '../../auth/identity.js';
import { bearerOf } from '../../http/bearer.js';
import { requireJson, textOf } from '../../http/json-body.js';
import { corsHeaders, OPEN_CORS } from '../../http/origins.js';
import { problemAnswer } from '../../http/problem.js';
import { hasRequestId } from '../../http/refusals.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { RateLimited } from '../../limits/subject-limit.js';
import { HEADERS, MEDIA_TYPES } from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import type { HttpExchange, HttpStream } from '../engines/engine.js';

/** Status and headers of answers that are given often: with the CORS headers of each origin they are put together once. */
export class AnswerKind {
  readonly status: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #byCors = new WeakMap<object, Readonly<Record<string, string>>>();
  /** What was asked for last: most answers go to one origin, or to none. */
  #lastCors: object | undefined;
  #last: Readonly<Record<string, string>> | undefined;

  constructor(status: number, headers: Readonly<Record<string, string>>) {
    this.status = status;
    this.#headers = headers;
  }

  /** Frozen, and the same object for the same `cors`. */
  headersWith(cors: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    if (cors === this.#lastCors && this.#last !== undefined) return this.#last;
    let headers = this.#byCors.get(cors);
    if (headers === undefined) {
      headers = Object.freeze({ ...cors, ...this.#headers });
      this.#byCors.set(cors, headers);
    }
    this.#lastCors = cors;
    this.#last = headers;
    return headers;
  }
}

export const JSON_HEADERS = { 'Content-Type': MEDIA_TYPES.json, 'Cache-Control': 'no-store' } as const;
export const JSON_ANSWER = new AnswerKind(200, JSON_HEADERS);

export interface CallParts {
  readonly admission: Admission;
  readonly logger: Logger;
}

/** Wraps an exchange; everything that it answers carries the CORS headers of its origin, where that is allowed. */
export class HttpCall {
  readonly exchange: HttpExchange;
  readonly #parts: CallParts;
  #cors: Readonly<Record<string, string>>;
  #address: string | undefined;
  /** Who was let in, where that has a name. */
  #user: string | undefined;
  #tellsFailure: ((error: FanfareError) => boolean) | undefined;

  constructor(exchange: HttpExchange, parts: CallParts, origin = exchange.header('origin')) {
    this.exchange = exchange;
    this.#parts = parts;
    // An origin that is not allowed learns nothing but its refusal.
    this.#cors = corsHeaders(parts.admission.allowed(origin));
  }

  /** Pages of every origin may read the answer, and it does not depend on theirs. */
  openToAll(): void {
    this.#cors = OPEN_CORS;
  }

  /** What a limit by address counts it by. Ask where one does, and before the answer: it costs a system call. */
  get address(): string {
    this.#address ??= this.#parts.admission.addressOf(this.exchange);
    return this.#address;
  }

  /** `tell` answers failures for which this client has no ear otherwise, and whether it did. */
  failThrough(tell: (error: FanfareError) => boolean): void {
    this.#tellsFailure = tell;
  }

  respond(status: number, headers: Readonly<Record<string, string>> = {}, body?: string | Buffer): void {
    if (!this.exchange.aborted) this.exchange.respond(status, { ...this.#cors, ...headers }, body);
  }

  /** From here on the answer may take its time. */
  letIn({ user }: Pick<Identity, 'user'>): void {
    this.#user = user ?? undefined;
    this.exchange.admit();
  }

  /** As {@link respond}, of answers that are given often. */
  respondAs(kind: AnswerKind, body?: string | Buffer): void {
    if (!this.exchange.aborted) this.exchange.respond(kind.status, kind.headersWith(this.#cors), body);
  }

  stream(headers: Readonly<Record<string, string>>, filler: string): HttpStream {
    return this.exchange.stream(200, { ...this.#cors, ...headers }, filler);
  }

  /** Answers any thrown value as a problem document. */
  fail(error: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const { admission, logger } = this.#parts;
    const requestId = hasRequestId(error) ? randomUUID() : undefined;
    if (!(error instanceof FanfareError) || error.code === 'internal') {
      logger.error({ error, requestId, path: this.exchange.path }, 'a request failed');
    }
    const answer = problemAnswer(error, requestId);
    const origin = this.exchange.header('origin');
    admission.refuse(error, { requestId, origin, user: this.#user, token: this.#shownToken() });
    if (error instanceof FanfareError && this.#tellsFailure?.(error)) return;
    const limitHeaders = error instanceof RateLimited ? error.headers : {};
    const idHeader: Record<string, string> = requestId === undefined ? {} : { [HEADERS.requestId]: requestId };
    this.respond(answer.status, { ...answer.headers, ...limitHeaders, ...idHeader, ...headers }, answer.body);
  }

  #shownToken(): string | undefined {
    return this.exchange.header('authorization')?.slice('Bearer '.length);
  }

  /** The bearer text; `undefined` without an `Authorization` header; throws `token_malformed` for another kind. */
  bearer(): string | undefined {
    return bearerOf(this.exchange.header('authorization'));
  }

  /** The body as text, checked for type, size and encoding; failures are answered here. */
  readJson(maxBodyBytes: number, then: (body: string) => void, holds = false): void {
    try {
      const { exchange } = this;
      requireJson({ type: exchange.header('content-type'), encoding: exchange.header('content-encoding') });
    } catch (error) {
      return this.fail(error);
    }
    this.exchange.readBody(
      maxBodyBytes,
      (body) => {
        try {
          if (body === undefined)
            throw new FanfareError('payload_too_large', `the body has over ${maxBodyBytes} bytes`);
          if (body.length === 0) throw new FanfareError('body_missing', 'the request has no body');
          then(textOf(body));
        } catch (error) {
          this.fail(error);
        }
      },
      holds,
    );
  }
}
