// The one place that maps errors to HTTP answers: RFC 9457 problem documents.

import { FanfareError } from '../lib/errors.js';
import { codeInfo, HEADERS, MEDIA_TYPES, type Problem } from '../protocol/index.js';

export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Any thrown value as an HTTP answer. What is not a `FanfareError` becomes `internal` and says nothing of its cause:
 * log it where it was caught, with the same `requestId`.
 */
export function problemAnswer(error: unknown, requestId?: string): ProblemAnswer {
  const known = error instanceof FanfareError ? error : new FanfareError('internal', 'something went wrong here');
  const info = codeInfo(known.code);
  const body: Problem = {
    type: `urn:fanfare:problem:${known.code}`,
    title: info.title,
    status: info.status,
    code: known.code,
    detail: known.message,
    ...(known.retryAfterMs !== undefined && { retryAfterMs: known.retryAfterMs }),
    ...(known.channels !== undefined && { channels: known.channels }),
    ...(known.outcome !== undefined && { outcome: known.outcome }),
    ...(known.gap !== undefined && { gap: known.gap }),
    ...(requestId !== undefined && { requestId }),
  };
  return {
    status: info.status,
    headers: { 'Content-Type': MEDIA_TYPES.problem, 'Cache-Control': 'no-store', ...errorHeaders(known, info.status) },
    body: JSON.stringify(body),
  };
}

function errorHeaders(error: FanfareError, status: number): Record<string, string> {
  const headers: Record<string, string> = {};
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer';
  if (error.retryAfterMs !== undefined && Number.isFinite(error.retryAfterMs)) {
    headers[HEADERS.retryAfter] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  }
  return headers;
}
