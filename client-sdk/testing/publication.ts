// What a client of the test server has published.

import type { Json } from '../../src/protocol/index.js';

export interface Publication {
  readonly channel: string;
  readonly data: Json;
  readonly key: string;
}
