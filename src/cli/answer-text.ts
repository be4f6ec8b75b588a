// What an answer that is no success means, in words: of a server of ours, of one that is not the right one, of something else.

import type { Problem } from '../protocol/index.js';
import { tokenAdvice } from './client-ended.js';

/** Whose URL is asked: discovery's, for clients or for operators, or a node's. */
export type Whose = 'discovery' | 'operators' | 'node';

const MUST_BE: Readonly<Record<Whose, string>> = {
  discovery: '--url (FANFARE_URL) must be that of discovery, or of `fanfare start`',
  operators:
    '--url (FANFARE_URL) must be that of discovery, or of `fanfare start`, and that server needs a FANFARE_ADMIN_KEY: without one it has none of this',
  node: '--url (FANFARE_URL) must be that of a node, or of `fanfare start`, for a publish key',
};

/** A server of ours says it of a path that it does not serve, and of nothing else. */
const NO_SUCH_PATH = /\b(at|answers?) this path\b/;

export interface Told {
  /** `network`: no server of ours has answered. */
  readonly code: string;
  readonly message: string;
}

/** Of the answer of `url` with this status and text. */
export function toldBy(url: string, status: number, text: string, whose: Whose): Told {
  const { code, detail } = problemIn(text);
  // What is not ours, as a proxy's page, says nothing.
  if (typeof code !== 'string') {
    // Of what is between us and a server nothing is known.
    const advice = status < 500 ? `; ${MUST_BE[whose]}` : '';
    return { code: 'network', message: `${url} answered ${status}, and not as Fanfare does${advice}` };
  }
  if (code === 'not_found' && NO_SUCH_PATH.test(detail ?? '')) {
    return { code, message: `${url} has nothing at this path: ${MUST_BE[whose]}` };
  }
  const told = [detail, tokenAdvice(code)].filter(Boolean).join('; ');
  return { code, message: told || `${url} answered ${status}` };
}

/** Empty for what is no problem of ours. */
export function problemIn(text: string): Partial<Problem> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? json : {};
  } catch {
    return {};
  }
}
