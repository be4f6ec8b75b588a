// One request without a body, with its path sent as it is written: `fetch` would tidy it up.

import { request } from 'node:http';

export interface GetOptions {
  readonly method?: string;
  readonly ticket?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface GetAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

/** On a connection of its own. `base` is `http://host:port`. */
export function get(base: string, path: string, options: GetOptions = {}): Promise<GetAnswer> {
  const { method = 'GET', ticket, headers = {}, signal } = options;
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const sent = request({
      ...{ host: hostname, port, path, method, agent: false },
      headers: { ...(ticket !== undefined && { Authorization: `Bearer ${ticket}` }), ...headers },
      ...(signal !== undefined && { signal }),
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(entries), text });
      });
    });
    sent.end();
  });
}

/** Where the header `Link` says that the next page is, as a path. */
export function nextPage(path: string, { headers }: Pick<GetAnswer, 'headers'>): string | undefined {
  const reference = /^<([^>]*)>; rel="next"$/.exec(headers.link ?? '')?.[1];
  if (reference === undefined) return undefined;
  const { pathname, search } = new URL(reference, `http://localhost${path}`);
  return pathname + search;
}
