// The bad-input table: every row is run against both engines and printed in docs/ERRORS.md.

import { BODY_ROWS } from './bad-inputs-bodies.js';
import type { BadInput } from './bad-inputs-case.js';
import { CHANNEL_ROWS } from './bad-inputs-channel.js';
import { HTTP_ROWS } from './bad-inputs-http.js';
import { RAW_ROWS } from './bad-inputs-raw.js';
import { SOCKET_ROWS } from './bad-inputs-socket.js';
import { TOKEN_ROWS } from './bad-inputs-token.js';

export const BAD_INPUTS: readonly BadInput[] = [
  ...HTTP_ROWS,
  ...CHANNEL_ROWS,
  ...BODY_ROWS,
  ...RAW_ROWS,
  ...SOCKET_ROWS,
  ...TOKEN_ROWS,
];
