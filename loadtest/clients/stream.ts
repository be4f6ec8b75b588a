// A server-sent events client made of a raw socket: asks once, then counts payloads as they pass.

import { NOW, PATHS } from '../../src/protocol/index.js';
import { postRequest } from './http.js';
import { type ClientParts, type LoadClient, openLink } from './link.js';
import { countPayloads } from './payload-scan.js';
import type { Tally } from './tally.js';

const SUBSCRIBED = Buffer.from('event: subscribed');
const GAP = Buffer.from('event: gap');
const CLOSE = Buffer.from('event: close');

/** Opens a client; `parts.onReady` is called when the stream says `subscribed`. */
export function openStream(parts: ClientParts, tally: Tally): LoadClient {
  let live = false;
  const request = postRequest(parts, PATHS.stream, JSON.stringify({ channels: { [parts.channel]: NOW } }));
  const link = openLink(parts, () => link.write(request), onBytes);

  function onBytes(bytes: Buffer): number {
    if (live) {
      tally.bytesIn += bytes.length;
      if (bytes.includes(GAP) || bytes.includes(CLOSE)) tally.surprised(bytes.toString('utf8', 0, 200));
      return countPayloads(bytes, parts.place, tally);
    }
    if (!bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 200').subarray(0, bytes.length))) {
      link.fail(`stream answered with ${bytes.toString('latin1', 0, 200)}`);
    }
    if (!bytes.includes(SUBSCRIBED)) return 0;
    live = true;
    parts.onReady();
    return bytes.length;
  }

  return { bytesOut: () => link.bytesOut(), close: () => link.close() };
}
