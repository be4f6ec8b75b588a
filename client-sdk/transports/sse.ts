// The `sse` transport: one streamed response per set of channels.

import { decodeFrame } from '../../src/protocol/decode-frame.js';
import type { Feature, PATHS } from '../../src/protocol/index.js';
import { pieces } from '../http.js';
import type { Link, LinkHost } from '../link.js';
import { HEARTBEAT_MS, QUIET_STREAM_MS } from '../numbers.js';
import { createHttpLink } from './http-link.js';
import { createSseParser } from './sse-parser.js';

export const sse = (host: LinkHost): Link =>
  createHttpLink(host, 'sse', HEARTBEAT_MS, async ({ post, take, touch }) => {
    const { body } = await post('/v1/stream' satisfies (typeof PATHS)['stream'], {
      features: ['quiet', 'positions'] satisfies Feature[],
      ...(host.page.isHidden() && { heartbeatMs: QUIET_STREAM_MS }),
    });
    const reader = pieces(body);
    const parse = createSseParser((data) => {
      for (const event of decodeFrame(data)) take(event);
    });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw 'ended';
      // Behind what it says of its heartbeat.
      if (parse(value)) touch();
    }
  });
