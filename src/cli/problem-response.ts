// Any thrown value as the `Response` that tells of it.

import { problemAnswer } from '../http/problem.js';

/** An RFC 9457 answer, with more headers where they are needed. */
export function problemResponse(error: unknown, extra: Readonly<Record<string, string>> = {}): Response {
  const { status, headers, body } = problemAnswer(error);
  return new Response(body, { status, headers: { ...headers, ...extra } });
}
