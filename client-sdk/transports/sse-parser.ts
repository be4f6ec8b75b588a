// Parses `text/event-stream` bytes, however they are cut, in one pass.

import { MAX_EVENT_LENGTH, PROGRESS_BITS } from '../numbers.js';

/**
 * Returns a function that takes the next bytes and calls `emit` with the data of each event that they complete. It answers whether they are
 * progress: that completed something, or some more of what is long. Names and ids are left out: our events carry their type. Throws `RangeError`
 * when an event outgrows its bound.
 */
export const createSseParser = (emit: (data: string) => void): ((bytes: Uint8Array) => boolean) => {
  // Keeps a character that was cut in two for the next chunk, and drops a byte order mark.
  const decoder = new TextDecoder();
  let line = '';
  /** Each line of it behind an end of line. */
  let data = '';
  let length = 0;
  let skip: RegExp | '' = '';

  return (bytes) => {
    const text = decoder.decode(bytes, { stream: true });
    // CR LF is one end of line, wherever it is cut. Only what is new is searched; `+=` on the rest does not copy it.
    const lines = text.replace(skip, '').split(/\r\n|\r|\n/);
    const rest = lines.pop();
    if (text) skip = /\r$/.test(text) ? /^\n/ : '';
    const before = length >> PROGRESS_BITS;
    let isWhole = false;
    length += text.length;
    for (const end of lines) {
      line += end;
      line.replace(/^data(?:$|: ?)(.*)/s, (_, value) => (data += `\n${value}`));
      if (!line) {
        if (data) emit(data.slice(1));
        data = '';
        length = 0;
        isWhole = true;
      }
      line = '';
    }
    line += rest;
    if (length > MAX_EVENT_LENGTH) throw new RangeError('event');
    return isWhole || length >> PROGRESS_BITS > before;
  };
};
