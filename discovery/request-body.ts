// Reads the body of a request, never more than its cap.

import { requireJson, textOf } from '../src/http/json-body.js';
import { FanfareError } from '../src/lib/errors.js';
import { GatheredBytes } from '../src/lib/gathered-bytes.js';
import type { Decoded } from '../src/protocol/index.js';

/**
 * The body as text; empty when there is none. Throws `payload_too_large`, `unsupported_media_type` when there is one that
 * is not plain JSON by its headers, and `body_not_json` when it is not UTF-8.
 */
export async function readBody(request: Request, maxBytes: number): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const bytes = await readCapped(request, maxBytes);
  if (bytes.length === 0) return '';
  requireJson({ type: headerOf(request, 'content-type'), encoding: headerOf(request, 'content-encoding') });
  return textOf(bytes);
}

/** The same, decoded. Throws as well what `decode` finds wrong. */
export async function readDecoded<T>(
  request: Request,
  maxBytes: number,
  decode: (body: string) => Decoded<T>,
): Promise<T> {
  const decoded = decode(await readBody(request, maxBytes));
  if (!decoded.ok) throw new FanfareError(decoded.problem.code, decoded.problem.message);
  return decoded.value;
}

function headerOf({ headers }: Request, name: string): string | undefined {
  return headers.get(name) ?? undefined;
}

async function readCapped(request: Request, maxBytes: number): Promise<Buffer> {
  if (request.body === null) return Buffer.alloc(0);
  const bytes = new GatheredBytes();
  try {
    for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
      if (bytes.length + chunk.byteLength > maxBytes) throw tooLarge(maxBytes); // which also cancels the stream
      bytes.add(chunk);
    }
  } catch (cause) {
    if (cause instanceof FanfareError) throw cause;
    throw new FanfareError('bad_request', 'the body did not arrive', { cause });
  }
  return bytes.take();
}

/** What `read` is done with: nothing past `maxBytes`, which rejects with `payload_too_large`. */
export function wholeBody(
  maxBytes: number,
  read: (done: (body: Buffer | undefined) => void, failed: (error: Error) => void) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    read((body) => (body === undefined ? reject(tooLarge(maxBytes)) : resolve(body)), reject);
  });
}

function tooLarge(maxBytes: number): FanfareError {
  return new FanfareError('payload_too_large', `the body is over ${maxBytes} bytes`);
}
