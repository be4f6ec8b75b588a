// A push node: its parts put together, started, drained and closed.

import type { Registry } from '../cluster/registry.js';
import { ClientAddress } from '../http/client-address.js';
import { serverUrl } from '../http/host-in-url.js';
import { calm } from '../lib/calm.js';
import { steadyUnixMs } from '../lib/clocks.js';
import { FanfareError } from '../lib/errors.js';
import { type PeriodicTask, periodically } from '../lib/periodic-tasks.js';
import { LIMITS, type Offset } from '../protocol/index.js';
import { Admission } from './admission.js';
import { Batches } from './channels/batches.js';
import { Channels } from './channels/channels.js';
import { Eraser } from './channels/eraser.js';
import { FeedRules } from './clients/feed-rules.js';
import { HttpClients } from './clients/http-clients.js';
import { LinkCounts } from './clients/link-counts.js';
import { LinkIds } from './clients/link-ids.js';
import { Links } from './clients/links.js';
import { PublishLimits } from './clients/publish-limits.js';
import { Publisher } from './clients/publisher.js';
import { ClusterMember } from './cluster-member.js';
import { engineHandlers } from './engine-handlers.js';
import { engineOptionsOf } from './engine-options.js';
import type { EngineHandlers } from './engines/engine.js';
import { Lifecycle } from './lifecycle.js';
import { LinkWatch } from './link-watch.js';
import { moveLinks } from './mover.js';
import { rememberedLimits } from './node-limits.js';
import { NodeLoad } from './node-load.js';
import type {
  NodeStats,
  PushNode,
  PushNodeOptions,
  PushNodeParts,
  ReadinessCheck,
  StartedNode,
} from './node-options.js';
import { NodeRoom } from './node-room.js';
import { statsOf } from './node-stats.js';
import { Reservations } from './reservations.js';
import { endLinks } from './revoker.js';
import { Entry } from './transports/entry.js';
import { PollDoor } from './transports/poll.js';
import { PollPlaces } from './transports/poll-places.js';

export type { NodeStats, PushNode, PushNodeOptions, PushNodeParts, ReadinessCheck } from './node-options.js';

/** How long a client that was asked to move has at most before it is closed, where there are other nodes. */
const MOVE_WITHIN_MS = 5_000;
const LOAD_SAMPLE_MS = 1_000;

/** Puts a node together; nothing runs before `start`. The broker is the caller's to make and the node's to start and close. */
export function createPushNode(parts: PushNodeParts, options: PushNodeOptions): PushNode {
  return new Node(parts, options);
}

/** Chosen: of a node's places, those of one address of clients without a name, which may be a whole office. */
const NAMELESS_SHARE = 0.25;

class Node implements PushNode {
  readonly #parts: PushNodeParts;
  readonly #options: PushNodeOptions;
  readonly #lifecycle: Lifecycle;
  readonly #load: NodeLoad;
  readonly #room: NodeRoom;
  readonly #links: Links;
  readonly #ids = new LinkIds();
  readonly #batches: Batches;
  readonly #watch: LinkWatch;
  readonly #counts: LinkCounts;
  readonly #clients = new HttpClients();
  readonly #channels: Channels;
  readonly #eraser: Eraser;
  readonly #publisher: Publisher;
  readonly #admission: Admission;
  readonly #polls: PollDoor;
  readonly #handlers: EngineHandlers;
  readonly #member: ClusterMember | undefined;
  #sampler: PeriodicTask | undefined;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: PushNodeParts, options: PushNodeOptions) {
    const { broker, engine, logger, authenticator, registry, revocations, clock, sharedLimits: sharing } = parts;
    const { namespaces, maxMessageBytes, waitReplicas, maxChannels, maxHistoryBytes, origins, limits } = options;
    const reservations = new Reservations();
    this.#parts = parts;
    this.#options = options;
    this.#load = new NodeLoad(options.maxMemoryBytes);
    this.#links = new Links(options);
    const bound = { max: options.linksPerUser, by: options.linksBy ?? 'user' };
    const namelessMax = Math.max(bound.max, Math.floor(options.maxConnections * NAMELESS_SHARE));
    this.#counts = new LinkCounts(bound, parts.sharedLinks, namelessMax);
    this.#watch = new LinkWatch(this.#links, options, logger);
    this.#room = new NodeRoom({ load: this.#load, taken: () => this.#placesTaken(), options });
    const hears = () => broker.status();
    this.#lifecycle = new Lifecycle({ id: options.id, logger, hears, room: () => this.#room });
    const publish = (topic: string, frame: Buffer) => engine.publish(topic, frame);
    const maxBatchBytes = Math.min(LIMITS.maxBatchBytes, Math.floor(options.maxBufferedBytes / 4));
    this.#batches = new Batches(maxBatchBytes, (error) => calm(logger).error({ error }, 'a batch failed'));
    const beforeMessage = (nowMs: number) => this.#links.hurry(nowMs);
    const batches = this.#batches;
    const brokerNowMs = () => this.#member?.nowMs() ?? steadyUnixMs();
    const bounds = { maxChannels, maxHistoryBytes, brokerNowMs };
    const liveNodes = async () => (await registry?.list()) ?? [];
    this.#eraser = new Eraser({ eraser: broker.eraser, node: options.id, liveNodes, logger });
    const forgot = (channel: string, begin: Offset) => this.#eraser.forgot(channel, begin);
    this.#channels = new Channels({ broker, namespaces, logger, publish, batches, beforeMessage, forgot, ...bounds });
    const lifecycle = this.#lifecycle;
    const clientAddress = new ClientAddress(options.trustedProxies);
    const maxLimits = rememberedLimits(options.maxConnections);
    const countsLinksByAddress = options.linksPerUser > 0 && options.linksBy === 'address';
    const said = {
      origins,
      logger,
      authenticator,
      clientAddress,
      limits,
      maxLimits,
      clock,
      sharing,
      countsLinksByAddress,
    };
    this.#admission = new Admission({ ...said, lifecycle, reservations, revocations });
    const { publishes, nowMs } = this.#admission;
    const publishLimits = new PublishLimits({ namespaces, limits, publishes, maxLimits, nowMs, sharing });
    this.#publisher = new Publisher({ broker, namespaces, limits: publishLimits, maxMessageBytes, waitReplicas });
    const [admission, clients, channels] = [this.#admission, this.#clients, this.#channels];
    const entry = new Entry({ admission, clients, channels, namespaces, maxBodyBytes: options.maxBodyBytes });
    this.#polls = this.#pollDoor(entry);
    revocations?.onEnding((ending) => endLinks(ending, this.#links, this.#polls));
    this.#handlers = this.#engineHandlers(entry);
    this.#member = registry && this.#clusterMember(registry, reservations);
  }

  async start(): Promise<StartedNode> {
    const { broker, engine, ingest, logger } = this.#parts;
    await broker.start(this.#channels);
    const { port } = await engine.listen(engineOptionsOf(this.#options, this.#watch.handshakes), this.#handlers);
    const url = this.#options.url || serverUrl(this.#options, port);
    this.#channels.start();
    this.#links.start();
    this.#watch.start(port);
    this.#clients.start();
    this.#sampler = periodically(LOAD_SAMPLE_MS, () => this.#sample());
    this.#room.warnAtStart(logger);
    await this.#member?.start(url);
    this.#lifecycle.on('serve');
    await this.#member?.serve();
    if (this.#closing !== undefined) throw new FanfareError('draining', 'the node was closed while it started');
    ingest?.start();
    const failing = this.checks().filter(({ ok }) => !ok);
    const ready = failing.length === 0;
    const reasons = failing.map(({ name, detail }) => `${name} (${detail || 'not ready'})`).join(', ');
    logger.info({ url, engine: engine.name }, ready ? 'node is ready' : `node serves, and is not ready: ${reasons}`);
    return { url, port, ready };
  }

  stats(): NodeStats {
    const [links, polls, clients, channels] = [this.#links, this.#polls, this.#clients, this.#channels];
    const held = { links, polls, clients, channels, watch: this.#watch, publisher: this.#publisher, load: this.#load };
    const [admission, member, lifecycle] = [this.#admission, this.#member, this.#lifecycle];
    return statsOf({ ...held, admission, member, lifecycle, outside: this.#parts }, this.#connectionCount());
  }

  checks(): readonly ReadinessCheck[] {
    const { broker, revocations } = this.#parts;
    const { ready, sinceMs, detail } = broker.status();
    const own = [this.#lifecycle.check(), { name: 'broker', ok: ready, sinceMs, detail }];
    return [...own, ...(this.#member?.checks() ?? []), ...(revocations === undefined ? [] : [revocations.status()])];
  }

  async leave(): Promise<void> {
    this.#lifecycle.on('leave');
    await this.#member?.report();
  }

  drain(withinMs = MOVE_WITHIN_MS): Promise<void> {
    this.#draining ??= this.#drain(Math.min(withinMs, MOVE_WITHIN_MS));
    return this.#draining;
  }

  async #drain(withinMs: number): Promise<void> {
    this.#lifecycle.on('drain');
    if (this.#lifecycle.state !== 'draining') return this.close();
    // Who moves asks discovery for another node, which must not name this one again.
    await Promise.all([this.#parts.ingest?.close(), this.#member?.report()]);
    const movesWithinMs = this.#member === undefined ? 0 : withinMs;
    await Promise.all([this.#polls.moveAll(movesWithinMs), moveLinks(this.#links, movesWithinMs, 'draining')]);
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** First of all nobody new gets in: what is awaited may hang. */
  async #close(): Promise<void> {
    const { broker, engine, ingest } = this.#parts;
    this.#lifecycle.on('close');
    engine.stopListening();
    this.#sampler?.stop();
    await Promise.all([ingest?.close(), this.#member?.stop()]);
    for (const link of [...this.#links.newcomers, ...this.#links.all()]) link.end('draining', 'the node is going away');
    this.#polls.close();
    this.#clients.stop();
    this.#links.stop();
    this.#watch.stop();
    await engine.close();
    this.#channels.close();
    this.#batches.close();
    await broker.close();
  }

  #sample(): void {
    this.#load.sample();
    this.#lifecycle.look();
  }

  #clusterMember(registry: Registry, reservations: Reservations): ClusterMember {
    const drain = () => void this.drain();
    const { logger, membership, engine, onDrainRequested = drain, onDisplaced = drain } = this.#parts;
    return new ClusterMember({
      ...{ registry, lifecycle: this.#lifecycle, reservations, logger, membership, onDrainRequested, onDisplaced },
      options: this.#options,
      engine: engine.name,
      connections: () => this.#connectionCount(),
    });
  }

  #pollDoor(entry: Entry): PollDoor {
    const { broker } = this.#parts;
    const { channelsPerConnection } = this.#options;
    const [clients, channels, counts] = [this.#clients, this.#channels, this.#counts];
    const isFull = () => this.#placesTaken() >= this.#options.maxConnections;
    const places = new PollPlaces({ isFull, counts, clients });
    const brokerStatus = () => broker.status();
    const lifecycle = this.#lifecycle;
    const door = this.#admission;
    const { polls: limit, openings } = door;
    const node = { clients, channels, places, brokerStatus, channelsPerConnection, lifecycle };
    const { namespaces, limits } = this.#options;
    const feeds = new FeedRules({ namespaces, limits, nowMs: door.nowMs });
    return new PollDoor({ ...node, entry, door, limit, openings, feeds });
  }

  #engineHandlers(entry: Entry): EngineHandlers {
    const { logger, fallback } = this.#parts;
    const clients = { links: this.#links, counts: this.#counts, ids: this.#ids, publisher: this.#publisher };
    const node = {
      admission: this.#admission,
      channels: this.#channels,
      batches: this.#batches,
      polls: this.#polls,
      eraser: this.#eraser,
    };
    return engineHandlers({ ...clients, ...node, entry, logger, fallback, options: this.#options });
  }

  #placesTaken(): number {
    return this.#links.size + this.#polls.waiting;
  }

  #connectionCount(): number {
    return this.#placesTaken() + this.#clients.idlePollers;
  }
}
