// An engine with a node behind it that writes down what it is told; each test brings what it answers.

import { NO_BOUND } from '../../src/http/handshakes.js';
import type {
  Engine,
  EngineHandlers,
  EngineOptions,
  EngineSocket,
  HttpExchange,
  SocketHandler,
  UpgradeDecision,
  UpgradeRequest,
} from '../../src/node/engines/engine.js';
import { createUwsEngine } from '../../src/node/engines/uws/engine.js';
import { createWsEngine } from '../../src/node/engines/ws/engine.js';

export const ENGINES = ['uws', 'ws'] as const;
export type EngineName = (typeof ENGINES)[number];

const OPTIONS: EngineOptions = {
  host: '127.0.0.1',
  port: 0,
  maxFrameBytes: 1_000,
  maxBufferedBytes: 1024 * 1024,
  maxSockets: 500,
  handshakes: NO_BOUND,
  maxHeaderBytes: 8_192,
  maxUrlBytes: 4_096,
};

/** Values that wait for whoever asks, and askers that wait for values. */
export class Queue<T> {
  readonly #values: T[] = [];
  readonly #askers: ((value: T) => void)[] = [];

  push(value: T): void {
    const asker = this.#askers.shift();
    if (asker === undefined) this.#values.push(value);
    else asker(value);
  }

  next(): Promise<T> {
    const [value] = this.#values.splice(0, 1);
    return value === undefined ? new Promise((resolve) => this.#askers.push(resolve)) : Promise.resolve(value);
  }

  /** What has come and nobody asked for. */
  get waiting(): readonly T[] {
    return this.#values;
  }
}

/** What happened to a socket, as text: `text hello`, `close 1000`. */
export class RecordingHandler implements SocketHandler {
  readonly events = new Queue<string>();
  readonly #socket: Promise<EngineSocket>;
  /** Called before an event is written down; may throw. */
  react: (event: string, socket: EngineSocket) => void;
  #resolve: (socket: EngineSocket) => void = () => {};
  #open: EngineSocket | undefined;

  constructor(react: (event: string, socket: EngineSocket) => void) {
    this.react = react;
    this.#socket = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get socket(): Promise<EngineSocket> {
    return this.#socket;
  }

  open(socket: EngineSocket): void {
    this.#open = socket;
    this.#resolve(socket);
    this.#note('open');
  }
  text(text: string): void {
    this.#note(`text ${text}`);
  }
  binary(): void {
    this.#note('binary');
  }
  tooLarge(bytes: number): void {
    this.#note(`tooLarge ${bytes}`);
  }
  pong(): void {
    this.#note('pong');
  }
  drain(): void {
    this.#note('drain');
  }
  close(code: number): void {
    this.#note(`close ${code}`);
  }

  #note(event: string): void {
    this.events.push(event);
    if (this.#open !== undefined) this.react(event, this.#open);
  }
}

export interface HostSetup {
  readonly options?: Partial<EngineOptions>;
  readonly request?: (exchange: HttpExchange) => void | Promise<void>;
  readonly upgrade?: (request: UpgradeRequest) => UpgradeDecision | undefined;
  readonly react?: (event: string, socket: EngineSocket) => void;
  readonly errorHeaders?: (origin: string | undefined) => Readonly<Record<string, string>>;
}

export interface EngineHost {
  readonly engine: Engine;
  readonly port: number;
  readonly url: string;
  /** Handlers of accepted sockets. */
  readonly accepted: Queue<RecordingHandler>;
  /** What was reported as thrown. */
  readonly failures: unknown[];
  slowConsumers: number;
  close(): Promise<void>;
}

/** Answers `ok`, unless the setup says otherwise. */
export async function startEngine(name: EngineName, setup: HostSetup = {}): Promise<EngineHost> {
  const engine = name === 'uws' ? await createUwsEngine() : createWsEngine();
  const accepted = new Queue<RecordingHandler>();
  const host = { engine, accepted, failures: [] as unknown[], slowConsumers: 0, close: () => engine.close() };
  const handlers: EngineHandlers = {
    request: setup.request ?? ((exchange) => exchange.respond(200, {}, 'ok')),
    upgrade: (request) => setup.upgrade?.(request) ?? accept(),
    slowConsumer: () => {
      host.slowConsumers++;
    },
    failed: (error) => host.failures.push(error),
    ...(setup.errorHeaders !== undefined && { errorHeaders: setup.errorHeaders }),
  };
  function accept(): UpgradeDecision {
    const handler = new RecordingHandler(setup.react ?? (() => {}));
    accepted.push(handler);
    return { accept: true, protocol: undefined, handler };
  }
  const { port } = await engine.listen({ ...OPTIONS, ...setup.options }, handlers);
  return Object.assign(host, { port, url: `http://127.0.0.1:${port}` });
}
