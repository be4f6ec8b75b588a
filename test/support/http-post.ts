// One request of a client by HTTP, as tests make them: with or without a token, from any address of this machine.

import { request } from 'node:http';

export interface PostOptions {
  readonly ticket?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An address of this machine to come from. */
  readonly from?: string;
  readonly signal?: AbortSignal;
}

export interface PostAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed where there is any. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** On a connection of its own. */
export function post(url: string, body: unknown, options: PostOptions = {}): Promise<PostAnswer> {
  const { ticket, headers = {}, from, signal } = options;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent: false,
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(text),
        ...(ticket !== undefined && { Authorization: `Bearer ${ticket}` }),
        ...headers,
      },
      ...(from !== undefined && { localAddress: from }),
      ...(signal !== undefined && { signal }),
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      let read = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        read += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: read.startsWith('{') ? JSON.parse(read) : {} });
      });
    });
    sent.end(text);
  });
}
