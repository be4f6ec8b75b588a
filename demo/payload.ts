// What the demo puts into a message, and what it makes of whatever somebody else put there.

/** What the page publishes. */
export interface Payload {
  readonly text: string;
  /** Who says so. */
  readonly by: string;
  /** When it was handed to the SDK, and on its way when it was handed to the wire: Unix milliseconds with a fraction. */
  readonly sentAtMs: number;
  /** One of many at once: they wait for each other, so none of them says what is typical. */
  readonly burst?: true;
}

/** Anybody's message, made presentable. */
export interface ReadPayload {
  readonly text: string;
  readonly by: string | undefined;
  readonly sentAtMs: number | undefined;
  readonly burst: boolean;
}

const MAX_TEXT = 400;
const MAX_NAME = 40;

/** Unix milliseconds with a fraction; the same clock in every tab of this browser. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Reads any JSON value: the demo's own payload, an object with `text`, a string, or else its JSON. */
export function readPayload(data: unknown): ReadPayload {
  if (typeof data === 'string')
    return { text: shorten(data, MAX_TEXT), by: undefined, sentAtMs: undefined, burst: false };
  const { text, by, sentAtMs, burst } = isRecord(data) ? data : {};
  return {
    text: shorten(typeof text === 'string' ? text : (JSON.stringify(data) ?? ''), MAX_TEXT),
    by: typeof by === 'string' && by !== '' ? shorten(by, MAX_NAME) : undefined,
    sentAtMs: typeof sentAtMs === 'number' && Number.isFinite(sentAtMs) ? sentAtMs : undefined,
    burst: burst === true,
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
