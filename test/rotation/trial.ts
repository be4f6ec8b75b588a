// Keys rotate at an issuer that comes and goes while a stranger makes keys up: who must not notice, and who did.

import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '../../client-sdk/node.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { Issuer } from './issuer.js';

export interface Plan {
  readonly forMs: number;
  readonly rotateEveryMs: number;
  /** The endpoint is up as long as it is down. */
  readonly downMs: number;
  readonly strangerEveryMs: number;
  /** Clients that stay, and renew their tickets. */
  readonly clients: number;
  /** A newcomer with a token of the newest key is connected by then. */
  readonly newcomerWithinMs: number;
  /** A token of a key that is known is answered by then. */
  readonly knownWithinMs: number;
  readonly say: (line: string) => void;
}

/** The shortest that there is: clients renew several times while keys rotate. */
const TICKET_TTL = '10s';
const NEWCOMER_EVERY_MS = 1_000;
const PROBE_EVERY_MS = 250;
/** Statuses of a token that nobody knows: no, or not yet. */
const DENIALS: readonly number[] = [401, 503];

type Client = ReturnType<typeof createClient<Record<string, unknown>>>;

/** Resolves with all that went wrong. */
export async function rotateKeys(plan: Plan): Promise<readonly string[]> {
  const issuer = await Issuer.start();
  const server = await startFanfare(['start', '--port', '0'], {
    env: {
      FANFARE_AUTH_JWKS_URL: issuer.url,
      FANFARE_TICKET_TTL: TICKET_TTL,
      FANFARE_CONNECTS_PER_USER: '1000',
      FANFARE_LOG_LEVEL: 'warn',
    },
  });
  const trial = new Trial(plan, issuer, server);
  try {
    await trial.run();
  } finally {
    trial.end();
    await server.stop();
    issuer.close();
  }
  return trial.failures;
}

class Trial {
  readonly failures: string[] = [];
  readonly #plan: Plan;
  readonly #issuer: Issuer;
  readonly #server: ServerProcess;
  readonly #clients: Client[] = [];
  readonly #stop = new AbortController();
  /** The key of the last newcomer that was let in: from then on it is known. */
  #knownKid: string;
  readonly #times = { newcomers: [] as number[], known: [] as number[] };

  constructor(plan: Plan, issuer: Issuer, server: ServerProcess) {
    this.#plan = plan;
    this.#issuer = issuer;
    this.#knownKid = issuer.newestKid;
    this.#server = server;
  }

  async run(): Promise<void> {
    const { clients, forMs, rotateEveryMs, downMs, strangerEveryMs, say } = this.#plan;
    const opened = Array.from({ length: clients }, (_, n) => this.#connect(`steady-${n}`));
    await Promise.all(opened.map((client) => this.#connected(client)));
    const issuer = this.#issuer;
    const work = [
      this.#each(rotateEveryMs, () => issuer.rotate()),
      this.#each(downMs, () => {
        issuer.isDown = !issuer.isDown;
      }),
      this.#each(strangerEveryMs, () => this.#stranger()),
      this.#each(PROBE_EVERY_MS, () => this.#probeKnown()),
      this.#each(NEWCOMER_EVERY_MS, () => this.#newcomer()),
    ];
    await pause(forMs);
    this.#stop.abort();
    await Promise.all(work);
    say(`${issuer.requests} requests for keys`);
    for (const [name, times] of Object.entries(this.#times)) {
      const sorted = times.sort((one, other) => one - other);
      say(`${name}: ${sorted.length}, median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`);
    }
    for (const client of opened) if (client.state.type !== 'connected') this.#fail(`one ended as ${client.state.type}`);
  }

  end(): void {
    this.#stop.abort();
    for (const client of this.#clients) client.close();
  }

  /** Some of it may still be under way when the next begins, and is waited for at the end. */
  async #each(everyMs: number, act: () => unknown): Promise<void> {
    const under: Promise<unknown>[] = [];
    while (!this.#stop.signal.aborted) {
      await pause(everyMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (!this.#stop.signal.aborted) under.push(Promise.resolve(act()));
    }
    await Promise.all(under);
  }

  /** With one token, as a text: the SDK must not take a "not yet" for a "no". Who stays has a function. */
  #connect(sub: string, token: string | (() => string) = () => this.#issuer.token(sub)): Client {
    const client: Client = createClient({ url: this.#server.url, token });
    this.#clients.push(client);
    client.on('state', (state) => {
      if (state.type === 'closed' && state.code !== 1000)
        this.#fail(`${sub} was closed: ${state.code} ${state.reason}`);
    });
    client.subscribe('news');
    return client;
  }

  #connected(client: Client): Promise<void> {
    return new Promise((resolve) => {
      if (client.state.type === 'connected' || client.state.type === 'closed') resolve();
      client.on('state', ({ type }) => {
        if (type === 'connected' || type === 'closed') resolve();
      });
    });
  }

  async #newcomer(): Promise<void> {
    const beganMs = Date.now();
    const kid = this.#issuer.newestKid;
    const client = this.#connect('newcomer', this.#issuer.token('newcomer'));
    await Promise.race([this.#connected(client), pause(2 * this.#plan.newcomerWithinMs, undefined, { ref: false })]);
    const tookMs = Date.now() - beganMs;
    this.#times.newcomers.push(tookMs);
    if (client.state.type === 'connected') this.#knownKid = kid;
    if (tookMs > this.#plan.newcomerWithinMs) this.#fail(`a newcomer waited for ${tookMs} ms`);
    client.close();
  }

  async #probeKnown(): Promise<void> {
    const beganMs = Date.now();
    const status = await this.#ask(this.#issuer.token('known', this.#knownKid));
    const tookMs = Date.now() - beganMs;
    this.#times.known.push(tookMs);
    if (status !== 200) this.#fail(`a known key was answered ${status}`);
    if (tookMs > this.#plan.knownWithinMs) this.#fail(`a known key waited for ${tookMs} ms`);
  }

  async #stranger(): Promise<void> {
    const status = await this.#ask(this.#issuer.strangersToken());
    if (!DENIALS.includes(status)) this.#fail(`a stranger was answered ${status}`);
  }

  async #ask(token: string): Promise<number> {
    const response = await fetch(`${this.#server.url}/v1/connect`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ transports: ['websocket'] }),
    });
    await response.arrayBuffer();
    return response.status;
  }

  #fail(failure: string): void {
    this.failures.push(failure);
  }
}
