// One request on its way through discovery.

import type { AnswerHeaders } from './admission.js';

export interface Call {
  readonly request: Request;
  readonly address: string;
  /** The socket's address. */
  readonly peer: string;
  /** Of the steady clock. */
  readonly nowMs: number;
  /** Put into the answer, errors included. */
  readonly headers: AnswerHeaders;
}
