// One request of a command to a server, and what its refusal, or its silence, means.

import { ConfigError, shown } from '../config/config-problem.js';
import { problemIn, toldBy, type Whose } from './answer-text.js';
import { ClientEnded } from './client-ended.js';
import { unreachable } from './why-not.js';

/** Chosen: longer than a node takes to hear of all others, discovery to ask all members, or either to say that nobody knows. */
const TIMEOUT_MS = 10_000;

export interface Question {
  readonly method: string;
  readonly bearer: string | undefined;
  /** What the bearer is, where it is no token, as `publish key`. */
  readonly keyKind?: 'publish key' | 'admin key' | undefined;
  /** A JSON text. */
  readonly body?: string | undefined;
  readonly whose: Whose;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** What was answered; `undefined` for nothing. */
  readonly json: unknown;
  /** The same as it was written. */
  readonly text: string;
}

/** A refusal by whoever answered. */
export class Refused extends ClientEnded {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, status: number, retryAfterMs?: number) {
    super(code, message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * The answer, where it is 2xx. Throws `ClientEnded` with the code of a refusal, and with `network` and the URL where no server of ours
 * answers.
 */
export async function askHttp(url: string, question: Question): Promise<HttpAnswer> {
  const { status, ok, headers, text } = await exchange(url, question);
  const json = parsed(text);
  if (!ok) throw refusal(url, status, text, question);
  if (text !== '' && json === undefined) throw new ClientEnded('network', `${url} answered ${status}, and no JSON`);
  return { status, headers, json, text };
}

/** For a path. Throws `ConfigError` for what no URL can say. */
export function pathSegment(name: string, option: string, source: string): string {
  if (name !== '.' && name !== '..') return encodeURIComponent(name);
  const message = `${shown(name)} cannot stand in a URL, which takes it for a step between folders, however it is written`;
  throw new ConfigError([{ option, source, message }]);
}

async function exchange(url: string, { method, bearer, body }: Question) {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
      },
      ...(body !== undefined && { body }),
      // Else it would be another question, and perhaps to another: the key is for the server that was named.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { status, ok, headers } = response;
    const place = headers.get('location');
    if (status >= 300 && status < 400 && place !== null) throw redirected(url, status, place);
    return { status, ok, headers, text: await response.text() };
  } catch (error) {
    if (error instanceof ClientEnded) throw error;
    throw new ClientEnded('network', unreachable(url, error));
  }
}

function redirected(url: string, status: number, place: string): ClientEnded {
  return new ClientEnded(
    'network',
    `${url} answers ${status}, and leads to ${shown(place)}: give that server as --url`,
  );
}

function refusal(url: string, status: number, text: string, { keyKind, whose }: Question): Refused {
  const { code, message } = toldBy(url, status, text, whose);
  // A server takes for a token whatever is none of its keys: what it says of that one is of no use here.
  const isKeyRefused = keyKind !== undefined && code.startsWith('token_');
  return new Refused(code, isKeyRefused ? keyAdvice(keyKind) : message, status, problemIn(text).retryAfterMs);
}

function keyAdvice(kind: 'publish key' | 'admin key'): string {
  const variable = kind === 'publish key' ? 'FANFARE_PUBLISH_KEY' : 'FANFARE_ADMIN_KEY';
  return `the server does not accept this ${kind}: it has others, or none, in its ${variable}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
