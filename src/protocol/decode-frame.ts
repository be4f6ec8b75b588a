// Decodes what a node sends at once, on a WebSocket or a stream; small, because it ships to browsers.

import type { ServerEvent } from './messages.js';

/**
 * Decodes the events of a frame, or of a stream's data: one or several, in order, without what is no JSON object with a `type`. Messages that leave
 * out what the one before them says (the feature `brief`) are made whole. The types of fields are the node's promise and are not checked again;
 * unknown types and fields pass, for the caller to ignore.
 */
export function decodeFrame(text: string): readonly ServerEvent[] {
  let channel: string | undefined;
  let offset = '';
  try {
    return [JSON.parse(text)].flat().filter((event): event is ServerEvent => {
      if (event?.data !== undefined) event.type ??= channel && 'message';
      if (event?.type === 'message') {
        channel = event.channel ??= channel;
        // A whole one has as many characters as any, so that nothing of the one before stays.
        if (event.offset) offset = event.offset = offset.slice(0, -event.offset.length) + event.offset;
      }
      return !!event?.type;
    });
  } catch {
    return [];
  }
}
