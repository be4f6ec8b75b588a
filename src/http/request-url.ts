// The URL of a request, whose path stays as it was sent: what a proxy in front decides by is what is decided by here.

import { FanfareError } from '../lib/errors.js';

/**
 * `target` is what stands in the request line. The host is nobody's, because nothing here depends on the one that a peer names.
 * Throws `not_found` for a path that would become another one, as `/x/../v1/nodes` does: nothing is at it.
 */
export function requestUrl(target: string): string {
  const [path = ''] = target.split('?', 1);
  const url = `http://localhost${target}`;
  if (!target.startsWith('/') || !URL.canParse(url) || new URL(url).pathname !== path) {
    throw new FanfareError('not_found', 'there is nothing at this path');
  }
  return url;
}
