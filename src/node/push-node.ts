// A push node: its parts put together, started, drained and closed.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Authenticator, Identity } from '../auth/identity.js';
import { createReporter, type Reporter } from '../cluster/load-report.js';
import type { NodeReport, ReportVerdict } from '../cluster/registry.js';
import { corsHeaders } from '../http/origins.js';
import { monotonicNowMs } from '../lib/clocks.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { PATHS } from '../protocol/index.js';
import { Channels } from './channels/channels.js';
import type { NamedLimit } from './clients/budget.js';
import { HttpClients } from './clients/http-clients.js';
import { Connections } from './clients/links.js';
import { Publisher } from './clients/publisher.js';
import type { NodeContext, NodeCounters } from './node-context.js';
import { NodeLoad } from './node-load.js';
import type { NodeStats, PushNode, PushNodeOptions, PushNodeParts, ReadinessCheck } from './node-options.js';
import { Reservations } from './reservations.js';
import { PollEndpoint } from './transports/poll.js';
import { PublishEndpoint } from './transports/publish.js';
import { type Endpoint, Router } from './transports/router.js';
import { StreamEndpoint } from './transports/stream.js';
import { decideUpgrade } from './transports/websocket.js';

export type { NodeStats, PushNode, PushNodeOptions, PushNodeParts, ReadinessCheck } from './node-options.js';

/** How long a client that was asked to move has before it is closed, where there are other nodes. */
const MOVE_WITHIN_MS = 5_000;
/** Links asked to move per wave of {@link MOVE_WAVE_MS}. */
const MOVE_WAVE = 500;
const MOVE_WAVE_MS = 100;
const LOAD_SAMPLE_MS = 1_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_URL_BYTES = 4 * 1024;
/** Sockets beyond the clients' that may be open: polls between requests, health checks, refusals. */
const SPARE_SOCKETS = 256;

type NodeState = 'starting' | 'ready' | 'draining' | 'fenced' | 'closed';

/** Puts a node together; nothing runs before `start`. The broker is the caller's to make and the node's to start and close. */
export function createPushNode(parts: PushNodeParts, options: PushNodeOptions): PushNode {
  return new Node(parts, options);
}

class Node implements PushNode, NodeContext {
  readonly options: PushNodeOptions;
  readonly authenticator: Authenticator;
  readonly channels: Channels;
  readonly connections: Connections;
  readonly clients: HttpClients;
  readonly commandLimit: NamedLimit;
  readonly publisher: Publisher;
  readonly logger: Logger;
  readonly counters: NodeCounters = { slowConsumers: 0, polls: 0, rateLimited: 0, refused: 0 };
  readonly #parts: PushNodeParts;
  readonly #polls: PollEndpoint;
  readonly #reservations = new Reservations();
  readonly #load: NodeLoad;
  readonly #incarnation = `${String(Date.now()).padStart(13, '0')}-${randomUUID()}`;
  #reporter: Reporter | undefined;
  #sampler: NodeJS.Timeout | undefined;
  #state: NodeState = 'starting';
  #sinceMs = Date.now();
  #closing: Promise<void> | undefined;

  constructor(parts: PushNodeParts, options: PushNodeOptions) {
    const { broker, engine, logger } = parts;
    const { namespaces, maxMessageBytes, waitReplicas } = options;
    this.#parts = parts;
    this.options = options;
    this.authenticator = parts.authenticator;
    this.logger = logger;
    this.channels = new Channels({
      broker,
      namespaces,
      logger,
      publish: (topic, frame) => engine.publish(topic, frame),
      maxChannels: options.maxChannels,
    });
    this.connections = new Connections({ heartbeatMs: options.heartbeatMs });
    this.publisher = new Publisher({ broker, namespaces, maxMessageBytes, waitReplicas });
    this.clients = new HttpClients(options);
    this.commandLimit = { name: 'commands', config: options.commandRate };
    this.#load = new NodeLoad(options.maxMemoryBytes);
    this.#polls = new PollEndpoint(this, broker);
  }

  claim(identity: Identity): void {
    this.#reservations.claim(identity.reservation);
  }

  requireRoom(): void {
    const isDraining = this.#state === 'draining';
    if (!isDraining && this.connections.size < this.options.maxConnections) return;
    this.counters.refused++;
    if (isDraining) throw new FanfareError('draining', 'the node is being drained', { retryAfterMs: 100 });
    throw new FanfareError('overloaded', 'the node is full', { retryAfterMs: 1_000 });
  }

  async start(): Promise<{ readonly url: string; readonly port: number }> {
    const { broker, engine } = this.#parts;
    await broker.start(this.channels);
    const port = await this.#listen();
    const url = this.options.url === '' ? `http://${hostInUrl(this.options.host)}:${port}` : this.options.url;
    this.channels.start();
    this.connections.start();
    this.clients.start();
    this.#sampler = setInterval(() => this.#load.sample(), LOAD_SAMPLE_MS);
    this.#become('ready');
    await this.#report(url);
    this.#parts.ingest?.start();
    this.logger.info({ url, engine: engine.name }, 'node is ready');
    return { url, port };
  }

  stats(): NodeStats {
    const { sockets, streams } = this.connections;
    return {
      connections: this.#connectionCount(),
      sockets,
      streams,
      waitingPolls: this.#polls.waiting,
      httpClients: this.clients.size,
      channels: this.channels.size,
      foundBehind: this.channels.foundBehind,
      published: this.publisher.published,
      eventLoopUtilization: this.#load.eventLoop,
      ...this.channels.counters,
      ...this.#parts.broker.stats?.(),
      ...this.counters,
      ...this.#parts.ingest?.stats(),
    };
  }

  checks(): readonly ReadinessCheck[] {
    const broker = this.#parts.broker.status();
    return [
      { name: 'node', ok: this.#state === 'ready', sinceMs: this.#sinceMs, detail: this.#state },
      { name: 'broker', ok: broker.ready, sinceMs: broker.sinceMs, detail: broker.detail },
    ];
  }

  async drain(): Promise<void> {
    if (this.#state !== 'ready') return this.close();
    this.#become('draining');
    await this.#parts.ingest?.close();
    await this.#reporter?.report();
    this.#polls.moveAll();
    const withinMs = this.#parts.registry === undefined ? 0 : MOVE_WITHIN_MS;
    let asked = 0;
    for (const link of [...this.connections.all()]) {
      link.move(withinMs, 'draining');
      if (++asked % MOVE_WAVE === 0) await pause(MOVE_WAVE_MS);
    }
    const deadlineMs = monotonicNowMs() + withinMs;
    while (this.connections.size > 0 && monotonicNowMs() < deadlineMs) await pause(50);
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#become('closed');
    clearInterval(this.#sampler);
    await this.#parts.ingest?.close();
    await this.#reporter?.stop();
    this.#parts.engine.stopListening();
    for (const link of [...this.connections.all()]) link.end('draining', 'the node is going away');
    this.#polls.close();
    this.clients.stop();
    this.connections.stop();
    await this.#parts.engine.close();
    this.channels.close();
    await this.#parts.broker.close();
  }

  async #listen(): Promise<number> {
    const { options } = this;
    const stream = new StreamEndpoint(this);
    const publish = new PublishEndpoint(this);
    const endpoints = new Map<string, Endpoint>([
      [PATHS.poll, (call) => this.#polls.handle(call)],
      [PATHS.stream, (call) => stream.handle(call)],
      [PATHS.publish, (call) => publish.handle(call)],
    ]);
    const router = new Router(this, endpoints, this.#parts.fallback);
    const { port } = await this.#parts.engine.listen(
      {
        host: options.host,
        port: options.port,
        maxFrameBytes: options.maxFrameBytes,
        maxBufferedBytes: options.maxBufferedBytes,
        maxSockets: options.maxConnections + SPARE_SOCKETS,
        maxHeaderBytes: MAX_HEADER_BYTES,
        maxUrlBytes: MAX_URL_BYTES,
      },
      {
        request: (exchange) => router.handle(exchange),
        upgrade: (request) => decideUpgrade(request, this),
        slowConsumer: () => {
          this.counters.slowConsumers++;
        },
        failed: (error, requestId) => this.logger.error({ error, requestId }, 'a handler failed'),
        errorHeaders: (origin) => (options.origins.allows(origin) ? corsHeaders(origin) : { Vary: 'Origin' }),
      },
    );
    return port;
  }

  async #report(url: string): Promise<void> {
    const { registry, logger } = this.#parts;
    if (registry === undefined) return;
    const { id, maxConnections, maxConnectsPerSecond } = this.options;
    this.#reporter = createReporter({
      registry,
      logger,
      read: (): NodeReport => ({
        id,
        url,
        incarnation: this.#incarnation,
        connections: this.#connectionCount(),
        capacity: maxConnections,
        maxConnectsPerSecond,
        state: this.#reportedState(),
        claimed: this.#reservations.take(),
      }),
      onVerdict: (verdict) => this.#obey(verdict),
      onDrainRequested: () => {
        logger.info({ id }, 'asked to drain');
        if (this.#parts.onDrainRequested !== undefined) this.#parts.onDrainRequested();
        else void this.drain();
      },
    });
    await this.#reporter.start();
  }

  /** A node whose id another one has takes no new clients; one that was only refused tries on. */
  #obey(verdict: ReportVerdict): void {
    const { id } = this.options;
    if (verdict === 'accepted' && this.#state === 'fenced') this.#become('ready');
    if (verdict === 'accepted' || this.#state !== 'ready') return;
    this.logger.error({ verdict, id }, 'another node has this id; this one takes no new clients');
    this.#become('fenced');
  }

  #reportedState(): NodeReport['state'] {
    if (this.#state !== 'ready') return 'draining';
    return this.#load.isFull || this.connections.size >= this.options.maxConnections ? 'full' : 'ready';
  }

  #connectionCount(): number {
    return this.connections.size + this.clients.size;
  }

  #become(state: NodeState): void {
    this.#state = state;
    this.#sinceMs = Date.now();
  }
}

function hostInUrl(host: string): string {
  const reachable = host === '0.0.0.0' || host === '::' || host === '' ? 'localhost' : host;
  return reachable.includes(':') ? `[${reachable}]` : reachable;
}
