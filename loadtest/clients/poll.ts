// A polling client made of a keep-alive raw socket: the request is built once and only its offset is overwritten.

import { NOW, OFFSET_LENGTH, PATHS } from '../../src/protocol/index.js';
import { postRequest, scanAnswer } from './http.js';
import { type ClientParts, type LoadClient, openLink } from './link.js';
import { countPayloads } from './payload-scan.js';
import type { Tally } from './tally.js';

const OFFSET_FIELD = Buffer.from('"offset":"');
const GAP_FIELD = Buffer.from('"gap":{');
const LONG_WAIT_MS = 25_000;

/** Opens a client that polls for ever. `pollEveryMs` 0: long polls, each right after the answer to the last one. */
export function openPoll(parts: ClientParts, pollEveryMs: number, tally: Tally): LoadClient {
  let ready = false;
  let timer: NodeJS.Timeout | undefined;
  const waitMs = pollEveryMs === 0 ? LONG_WAIT_MS : 0;
  const bodyFor = (after: string) => JSON.stringify({ channels: { [parts.channel]: after }, waitMs });
  const placeholder = '0'.repeat(OFFSET_LENGTH);
  const request = postRequest(parts, PATHS.poll, bodyFor(placeholder));
  const offsetAt = request.lastIndexOf(placeholder);
  const link = openLink(parts, begin, onBytes);

  function begin(): void {
    link.write(postRequest(parts, PATHS.poll, bodyFor(NOW)));
  }

  function onBytes(bytes: Buffer): number {
    const answer = scanAnswer(bytes);
    if (answer === undefined) return 0;
    tally.bytesIn += answer.end;
    tally.polls += 1;
    if (answer.status === 200) onMessages(bytes.subarray(answer.bodyStart, answer.end));
    else if (answer.status !== 204) link.fail(`poll answered with ${bytes.toString('utf8', 0, 400)}`);
    if (pollEveryMs === 0) link.write(request);
    // The first pause is random, so that the clients do not poll in step.
    else timer = setTimeout(() => link.write(request), ready ? pollEveryMs : Math.random() * pollEveryMs);
    if (!ready) becomeReady();
    return answer.end;
  }

  function onMessages(body: Buffer): void {
    countPayloads(body, parts.place, tally);
    if (body.includes(GAP_FIELD)) tally.surprised(body.toString('utf8', 0, 200));
    const at = body.lastIndexOf(OFFSET_FIELD);
    if (at >= 0) body.copy(request, offsetAt, at + OFFSET_FIELD.length, at + OFFSET_FIELD.length + OFFSET_LENGTH);
  }

  function becomeReady(): void {
    ready = true;
    parts.onReady();
  }

  return {
    bytesOut: () => link.bytesOut(),
    close: () => {
      clearTimeout(timer);
      link.close();
    },
  };
}
