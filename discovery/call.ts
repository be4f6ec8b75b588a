// One request on its way through discovery.

import type { AnswerHeaders } from './admission.js';

export interface Call {
  readonly request: Request;
  readonly address: string;
  /** Of the steady clock. */
  readonly nowMs: number;
  /** Put into the answer, errors included. */
  readonly headers: AnswerHeaders;
}
