// Decodes what a node sends; small, because it ships to browsers.

import type { ServerEvent } from './messages.js';

/**
 * Decodes one event of a node, or returns `undefined` when it is not a JSON object with a `type`. The types of fields
 * are the node's promise and are not checked again; unknown types and fields pass, for the caller to ignore.
 */
export function decodeEvent(text: string): ServerEvent | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof (value as ServerEvent | null)?.type === 'string' ? (value as ServerEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** As {@link decodeEvent}, of a frame that may hold several: in order, without what is no event. */
export function decodeEvents(text: string): readonly ServerEvent[] {
  try {
    const value: unknown = JSON.parse(text);
    return [value].flat().filter((one): one is ServerEvent => typeof (one as ServerEvent | null)?.type === 'string');
  } catch {
    return [];
  }
}
