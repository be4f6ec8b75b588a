// Decodes what a node sends who was not asked for `brief`; small, because it ships to browsers.

import type { ServerEvent } from './messages.js';

/**
 * Decodes what a node sends at once: the events of a stream's data, one or several, in order, without what is no JSON object with a
 * `type`. The types of fields are the node's promise and are not checked again; unknown types and fields pass, for the caller to ignore.
 */
export function decodeEvents(text: string): readonly ServerEvent[] {
  try {
    const value: unknown = JSON.parse(text);
    return [value].flat().filter((one): one is ServerEvent => typeof (one as ServerEvent | null)?.type === 'string');
  } catch {
    return [];
  }
}
