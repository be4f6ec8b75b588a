// One request of a command to a server, and what its refusal, or its silence, means.

import type { Problem } from '../protocol/index.js';
import { ClientEnded, tokenAdvice } from './client-flags.js';
import { unreachable } from './why-not.js';

/** Chosen: longer than a node takes to hear of all others, discovery to ask all members, or either to say that nobody knows. */
const TIMEOUT_MS = 10_000;

export interface Question {
  readonly method: string;
  readonly bearer: string | undefined;
  /** What the bearer is, where it is no token, as `publish key`. */
  readonly keyKind?: 'publish key' | 'admin key' | undefined;
  readonly body?: object | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** What was answered; `undefined` for nothing. */
  readonly json: unknown;
}

/**
 * The answer, where it is 2xx. Throws `ClientEnded` with the code of a refusal, and with `network` and the URL where no server of ours
 * answers.
 */
export async function askHttp(url: string, question: Question): Promise<HttpAnswer> {
  const { status, ok, headers, text } = await exchange(url, question);
  const json = parsed(text);
  if (!ok) throw refusal(url, status, json, question);
  if (text !== '' && json === undefined) throw new ClientEnded('network', `${url} answered ${status}, and no JSON`);
  return { status, headers, json };
}

async function exchange(url: string, { method, bearer, body }: Question) {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { status, ok, headers } = response;
    return { status, ok, headers, text: await response.text() };
  } catch (error) {
    throw new ClientEnded('network', unreachable(url, error));
  }
}

function refusal(url: string, status: number, json: unknown, { keyKind }: Question): ClientEnded {
  // What is not ours, as a proxy's page, says nothing.
  const { code, detail } = (typeof json === 'object' && json !== null ? json : {}) as Partial<Problem>;
  if (code === undefined) return new ClientEnded('network', `${url} answered ${status}`);
  // A server takes for a token whatever is none of its keys: what it says of that one is of no use here.
  if (keyKind !== undefined && code.startsWith('token_')) return new ClientEnded(code, keyAdvice(keyKind));
  const told = [detail, tokenAdvice(code)].filter(Boolean).join('; ');
  return new ClientEnded(code, told || `${url} answered ${status}`);
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
