// The server that bad inputs are sent to, and a bystander on it who must notice nothing.

import { AUDIENCE, hmacToken, ISSUER } from './bad-inputs-token.js';
import { BareSocket } from './stranger-client.js';
import { type RunningServer, startServer } from './stranger-server.js';

export const PUBLISH_KEY = 'publish-key-of-the-suite';
export const ADMIN_KEY = 'admin-key-of-the-suite';
const CLOSED = { public: false, anonymous: false, clientPublish: false };

let users = 0;
/** A good token of a user of its own. */
export function userToken(sign: (claims: object) => string = hmacToken): string {
  const now = Math.floor(Date.now() / 1000);
  return sign({
    sub: `suite-${++users}`,
    iss: ISSUER,
    aud: AUDIENCE,
    iat: now,
    exp: now + 3_600,
    fanfare: { subscribe: ['ok', 'ok-*', 'only', 'bystander'], publish: ['ok', 'bystander'] },
  });
}

/** One server with one bystander; `env` holds the keys that verify `token`, and what else differs. */
export class AssaultedServer {
  readonly #server: RunningServer;
  readonly #bystander: BareSocket;
  readonly #awaited = new Map<number, () => void>();
  #probes = 0;
  /** Messages that the bystander should never have seen. */
  readonly unexpected: unknown[] = [];

  private constructor(server: RunningServer, bystander: BareSocket) {
    this.#server = server;
    this.#bystander = bystander;
    void this.#listen();
  }

  static async start(env: Readonly<Record<string, string>>, token = userToken()): Promise<AssaultedServer> {
    const server = await startServer('start', {
      FANFARE_AUTH_ISSUER: ISSUER,
      FANFARE_AUTH_AUDIENCE: AUDIENCE,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
      FANFARE_ADMIN_KEY: ADMIN_KEY,
      FANFARE_ORIGINS: 'https://app.example.com',
      FANFARE_NAMESPACES: JSON.stringify({ public: CLOSED, demo: CLOSED }),
      FANFARE_HANDSHAKE_TIMEOUT: '1s',
      ...env,
    });
    const { socket } = await BareSocket.connected(server.url, token);
    socket.command('subscribe', { channels: { bystander: 'now' } });
    await socket.nextOf('subscribed');
    return new AssaultedServer(server, socket);
  }

  get url(): string {
    return this.#server.url;
  }
  get port(): number {
    return Number(new URL(this.url).port);
  }
  log(): string {
    return this.#server.log();
  }

  /** A figure of `/metrics`; 0 while there is none. */
  async metric(name: string): Promise<number> {
    const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
    const text = await (await fetch(`${this.url}/metrics`, { headers })).text();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  }

  /** Rejects unless the server lives and what is published now reaches the bystander. */
  async isUnharmed(): Promise<void> {
    if (this.#server.exitCode() !== undefined) throw new Error(`the server has ended:\n${this.log()}`);
    const probe = ++this.#probes;
    const arrived = new Promise<void>((resolve) => this.#awaited.set(probe, resolve));
    const response = await fetch(`${this.url}/v1/publish`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channel: 'bystander', data: { probe } }),
    });
    if (response.status !== 200) throw new Error(`publishing is answered with ${response.status}`);
    await Promise.race([
      arrived,
      this.#bystander.closed.then(({ code }) => Promise.reject(new Error(`the bystander was closed with ${code}`))),
    ]);
    if (this.unexpected.length > 0) throw new Error(`the bystander saw ${JSON.stringify(this.unexpected)}`);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async #listen(): Promise<void> {
    for (;;) {
      const event = await this.#bystander.next().catch(() => undefined);
      if (event === undefined) return;
      const probe = (event.data as { probe?: number } | undefined)?.probe ?? -1;
      const arrived = this.#awaited.get(probe);
      if (arrived === undefined) this.unexpected.push(event);
      arrived?.();
    }
  }
}
