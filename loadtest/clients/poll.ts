// A polling client made of keep-alive raw sockets: the request is built once and only its offset is overwritten.

import { NOW, OFFSET_LENGTH, PATHS } from '../../src/protocol/index.js';
import { postRequest, scanAnswer } from './http.js';
import { type ClientParts, type Link, type LoadClient, openLink } from './link.js';
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
  const link = openRenewable(parts, begin, onBytes);
  const ask = (): void => link.write(request);

  function begin(): void {
    link.write(postRequest(parts, PATHS.poll, bodyFor(NOW)));
  }

  function onBytes(bytes: Buffer): number {
    const answer = scanAnswer(bytes);
    if (answer === undefined) return 0;
    tally.bytesIn += answer.end;
    tally.polls += 1;
    link.answered();
    if (answer.status === 200) onMessages(bytes.subarray(answer.bodyStart, answer.end));
    else if (answer.status !== 204) link.fail(`poll answered with ${bytes.toString('utf8', 0, 400)}`);
    if (answer.closes) link.leave();
    if (pollEveryMs === 0) ask();
    // The first pause is random, so that the clients do not poll in step.
    else timer = setTimeout(ask, ready ? pollEveryMs : Math.random() * pollEveryMs);
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

interface RenewableLink extends Link {
  /** The answer to what was written last is there. */
  answered(): void;
  /** The server closes it behind that answer. */
  leave(): void;
}

/**
 * A link that is left where the server closes it behind an answer or between two, as any server of HTTP may: what is written next goes
 * over a new one. So does what was written just then, which the server has not read.
 */
function openRenewable(parts: ClientParts, onOpen: () => void, onBytes: (bytes: Buffer) => number): RenewableLink {
  let unanswered: Buffer | string | undefined;
  let isLeft = false;
  /** It has answered before, so its end is no refusal. */
  let isProven = false;
  let bytesOutBefore = 0;
  const open = (onOpenOne: () => void): Link => openLink({ ...parts, onEnd }, onOpenOne, onBytes);
  let link = open(onOpen);

  function write(bytes: Buffer | string): void {
    unanswered = bytes;
    if (!isLeft) return link.write(bytes);
    isLeft = false;
    isProven = false;
    link = open(() => link.write(bytes));
  }

  function leave(): void {
    isLeft = true;
    bytesOutBefore += link.bytesOut();
    link.close();
  }

  function onEnd(reason: string): void {
    if (unanswered !== undefined && !isProven) return parts.onEnd(reason);
    leave();
    if (unanswered !== undefined) write(unanswered);
  }

  return {
    write,
    leave,
    bytesOut: () => bytesOutBefore + (isLeft ? 0 : link.bytesOut()),
    fail: (reason) => {
      link.close();
      parts.onEnd(reason);
    },
    close: () => link.close(),
    answered: () => {
      unanswered = undefined;
      isProven = true;
    },
  };
}
