// What pollers are answered, read once for all who are answered the same bytes.

/** What is published, so that whoever gets it can judge it. */
export interface Numbered {
  /** The channel. */
  readonly c: string;
  /** Its place in the channel's log, from 1. */
  readonly n: number;
  /** When it was published, in Unix milliseconds. */
  readonly t: number;
}

export interface Answer {
  readonly status: number;
  /** Of the whole answer, its head included. */
  readonly bytes: number;
  readonly next: string;
  readonly cursor: string;
  /** Nothing more is read from this connection. */
  readonly isLast: boolean;
  /** Of a `200`. */
  readonly messages: readonly Numbered[];
  /** A message is in it, whatever its status. */
  readonly holdsMessage: boolean;
}

const HEAD_END = '\r\n\r\n';
const OK = 200;
const NO_CONTENT = 204;
/** Chosen: thousands are handed the same within a second, whose `Date` and `X-Cache` alone are told apart. */
const MAX_KNOWN = 256;

export class Answers {
  readonly #known = new Map<string, Answer>();

  /** `undefined` where it is not whole yet. What `text` has behind it is not looked at. */
  read(text: string): Answer | undefined {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const answer = answerOf(text);
    if (answer === undefined) return undefined;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    if (answer.bytes === text.length) this.#known.set(text, answer);
    return answer;
  }
}

function answerOf(text: string): Answer | undefined {
  const end = text.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const head = text.slice(0, end + 2);
  const status = Number(head.slice(9, 12));
  const length = status === NO_CONTENT ? 0 : Number(fieldOf(head, 'content-length') || 0);
  const bytes = end + HEAD_END.length + length;
  if (text.length < bytes) return undefined;
  const body = text.slice(end + HEAD_END.length, bytes);
  return {
    ...{ status, bytes },
    next: fieldOf(head, 'stream-next-offset'),
    cursor: fieldOf(head, 'stream-cursor'),
    isLast: fieldOf(head, 'connection') === 'close',
    messages: status === OK ? (JSON.parse(body) as readonly Numbered[]) : [],
    holdsMessage: body.includes('"n":'),
  };
}

/** The value of a header by its name in lower case, or nothing. */
function fieldOf(head: string, name: string): string {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)\\r\\n`, 'i').exec(head)?.[1] ?? '';
}
