// Answers written to a TCP socket that node:http has let go of: refused upgrades and requests it could not parse.

import type { Socket } from 'node:net';
import type { ProblemAnswer } from '../../../http/problem.js';
import { rawAnswer } from '../../../http/raw-answer.js';
import { closeGently } from '../../../http/request-rest.js';
import { FanfareError } from '../../../lib/errors.js';

/** Answers and closes, within `restMs` of its peer's time. */
export function answerAndClose(socket: Socket, answer: ProblemAnswer, restMs?: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.write(rawAnswer(answer));
  closeGently(socket, restMs);
}

/** What a `clientError` of node:http means to the peer. */
export function clientProblem(error: NodeJS.ErrnoException): FanfareError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new FanfareError('headers_too_large', 'the headers are over the limit');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new FanfareError('request_timeout', 'the request did not arrive in time');
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
      return new FanfareError('duplicate_header', 'the length of the body is given twice');
    default:
      return new FanfareError('bad_request', 'the request is not well-formed HTTP/1.1');
  }
}
