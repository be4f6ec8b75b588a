// How much a publish by HTTP may hold before it is parsed: as many members and items for each message as its `data` can have.

import { LIMITS } from '../../protocol/index.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACE = { open: 0x7b, close: 0x7d } as const;
const BRACKET = { open: 0x5b, close: 0x5d } as const;
const MESSAGES = '"messages"';
/** Where the commas between messages stand: in the list, in the body. */
const BETWEEN_MESSAGES = 2;

/**
 * Whether a message, or what stands around messages, has more of quotes, colons, commas, braces and brackets that open than `max`, found without parsing: data of
 * `max` bytes cannot have more. `body` need not be JSON; what it says in strings does not count.
 */
export function isHeavierThan(body: string, max: number): boolean {
  if (body.length <= max) return false;
  let [marks, depth, messages] = [0, 0, 0];
  let [name, isInMessages] = ['', false];
  for (let at = 0; at < body.length; at++) {
    const code = body.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(body, at);
      if (depth === 1) name = body.slice(at, Math.min(end, at + MESSAGES.length) + 1);
      at = end;
      // Its quotes.
      marks += 2;
    } else if (code === COLON) {
      marks++;
      if (depth === 1) isInMessages = name === MESSAGES;
    } else if (code === COMMA) {
      marks++;
      const isNext = depth === BETWEEN_MESSAGES && isInMessages;
      if (isNext && ++messages < LIMITS.maxPublishes) marks = 0;
    } else if (code === BRACE.open || code === BRACKET.open) {
      marks++;
      depth++;
    } else if (code === BRACE.close || code === BRACKET.close) depth--;
    if (marks > max) return true;
  }
  return false;
}

/** The place of its closing quote, or of the end of a text that has none. */
function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}
