// What every engine refuses by itself, and the answer that it gives.

import { randomUUID } from 'node:crypto';
import { framingProblem, type HeaderList } from '../../http/header-list.js';
import { type ProblemAnswer, problemAnswer } from '../../http/problem.js';
import { FanfareError } from '../../lib/errors.js';
import { HEADERS } from '../../protocol/index.js';
import type { EngineHandlers, EngineOptions, UpgradeDecision, UpgradeRequest } from './engine.js';

const WEBSOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/;
/** The longest reason of a close frame (RFC 6455 §5.5). */
const MAX_CLOSE_REASON_BYTES = 123;

/** Why a request cannot be handed to the node: its URL, its headers, or `undefined` when it can. */
export function headProblem(urlBytes: number, headers: HeaderList, options: EngineOptions): FanfareError | undefined {
  if (urlBytes > options.maxUrlBytes) {
    return new FanfareError('uri_too_long', `the URL has ${urlBytes} bytes; at most ${options.maxUrlBytes} are taken`);
  }
  if (headers.bytes > options.maxHeaderBytes) {
    const detail = `the headers have ${headers.bytes} bytes; at most ${options.maxHeaderBytes} are taken`;
    return new FanfareError('headers_too_large', detail);
  }
  return framingProblem(headers);
}

/** Whether a request asks for a WebSocket, well or badly. */
export function asksForWebSocket(headers: HeaderList): boolean {
  return namesWebSocket(headers.get('upgrade'));
}

/** Whether `Upgrade` names it, also among other protocols. */
export function namesWebSocket(upgrade: string | undefined): boolean {
  if (upgrade === undefined || upgrade === 'websocket') return upgrade !== undefined;
  return upgrade.split(',').some((name) => name.trim().toLowerCase() === 'websocket');
}

/** Why a request that asks for a WebSocket cannot have one, or `undefined` when it can. */
export function handshakeProblem(method: string, headers: HeaderList): FanfareError | undefined {
  if (method !== 'GET') return new FanfareError('upgrade_required', `a WebSocket begins with GET, not ${method}`);
  if (!headers.get('connection')?.toLowerCase().includes('upgrade')) {
    return new FanfareError('upgrade_required', 'the Connection header does not name "upgrade"');
  }
  if (headers.get('sec-websocket-version') !== '13') {
    return new FanfareError('upgrade_required', 'Sec-WebSocket-Version: expected 13');
  }
  if (!WEBSOCKET_KEY.test(headers.get('sec-websocket-key') ?? '')) {
    return new FanfareError('upgrade_required', 'Sec-WebSocket-Key: expected 16 bytes in base64');
  }
  return undefined;
}

/** Asks the node about an upgrade; what it throws becomes an answer. */
export function decideUpgrade(request: UpgradeRequest, handlers: EngineHandlers): UpgradeDecision {
  try {
    return handlers.upgrade(request);
  } catch (error) {
    return { accept: false, ...errorAnswer(error, request.header('origin'), handlers) };
  }
}

/** The answer to a request that failed with `error`, which is reported when it is not a `FanfareError`. */
export function errorAnswer(error: unknown, origin: string | undefined, handlers: EngineHandlers): ProblemAnswer {
  const requestId = randomUUID();
  if (!(error instanceof FanfareError)) handlers.failed?.(error, requestId);
  const answer = problemAnswer(error, requestId);
  const upgrade = answer.status === 426 ? { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } : undefined;
  const headers = { ...answer.headers, [HEADERS.requestId]: requestId, ...upgrade, ...handlers.errorHeaders?.(origin) };
  return { status: answer.status, headers, body: answer.body };
}

/** A reason that fits a close frame. */
export function closeReason(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_CLOSE_REASON_BYTES) return reason;
  return Buffer.from(reason)
    .subarray(0, MAX_CLOSE_REASON_BYTES)
    .toString()
    .replace(/\uFFFD+$/, '');
}

/** A code that a handler can rely on: what is not a close code that a peer may see becomes 1006. */
export function saneCloseCode(code: number): number {
  const known = (code >= 1000 && code <= 1014 && code !== 1004) || (code >= 3000 && code <= 4999);
  return known ? code : 1006;
}
