// What reading costs: known only afterwards, and then owed.

import type { HistoryPage } from '../../broker/broker.js';

/** What was read for a page. */
export function bytesOf({ entries, walkedBytes = 0 }: HistoryPage): number {
  let bytes = walkedBytes;
  for (const { data, from } of entries) bytes += data.length + (from?.length ?? 0);
  return bytes;
}
