// Finds streams whose peers have vanished without a word: a stream has no pong, and TCP would wait for a quarter of an hour.

import { type StalledSocket, stalledSockets } from '../../http/tcp-table.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';

const LOOK_EVERY_MS = 10_000;
/** Chosen: so many attempts of the kernel that nobody answers, 6 s on a quick line and more on a slow one, and a peer is dead. */
const DEAD_AFTER = 5;
/** Chosen: streams of one address that are told apart by one look. */
const MAX_NUDGED = 256;

/** A stream, as far as it can be told which of the kernel's connections it is. */
export interface StreamPeer {
  readonly address: string;
  /** Where the engine knows it. */
  readonly port: number | undefined;
  /** Handed to the kernel so far, less what stood before the first event. */
  handedBytes(): number;
  /** Writes a comment of so many spaces. */
  nudge(spaces: number): void;
  /** Ends it: its peer is gone. */
  lose(): void;
}

export interface DeadStreamsParts {
  readonly peers: () => Iterable<StreamPeer>;
  /** The port that the node listens on. */
  readonly port: () => number;
  readonly stalled?: (port: number) => Promise<readonly StalledSocket[] | undefined>;
}

/**
 * Where the engine knows the port of a peer, the kernel's table says which stream is dead. Where it does not, a dead connection
 * is the stream that was handed as many bytes since the last look as that connection has more to be acknowledged. Streams that
 * fit are each nudged by another number of bytes, and the one that fits at the next look as well is it.
 */
export class DeadStreams {
  readonly #parts: DeadStreamsParts;
  #timer: PeriodicTask | undefined;
  #isLooking = false;
  /** At the last look: what each stalled connection had unacknowledged, what each stream was handed, and which were nudged then. */
  #unacknowledged = new Map<string, number>();
  #handed = new Map<StreamPeer, number>();
  #nudged = new Set<StreamPeer>();
  /** Streams that were found dead. */
  found = 0;

  constructor(parts: DeadStreamsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.stop();
    this.#timer = periodically(LOOK_EVERY_MS, () => this.look());
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.stop();
  }

  /** Looks once, unless there is no stream or a look is under way. */
  async look(): Promise<void> {
    const handed = new Map<StreamPeer, number>();
    for (const peer of this.#parts.peers()) handed.set(peer, peer.handedBytes());
    if (this.#isLooking || handed.size === 0) return;
    this.#isLooking = true;
    try {
      const { port, stalled = stalledSockets } = this.#parts;
      this.#judge((await stalled(port())) ?? [], handed);
    } finally {
      this.#isLooking = false;
    }
  }

  #judge(sockets: readonly StalledSocket[], handed: ReadonlyMap<StreamPeer, number>): void {
    const dead = sockets.filter(({ attempts }) => attempts >= DEAD_AFTER);
    const fitting = new Set<StreamPeer>();
    if (dead.length > 0) {
      const byAddress = groupedByAddress(this.#parts.peers());
      for (const socket of dead) this.#find(socket, byAddress.get(socket.address) ?? [], handed, fitting);
    }
    this.#unacknowledged = new Map(sockets.map((socket) => [keyOf(socket), socket.unacknowledgedBytes]));
    this.#handed = new Map(handed);
    this.#nudged = new Set([...fitting].slice(0, MAX_NUDGED));
    let spaces = 0;
    for (const peer of this.#nudged) peer.nudge(++spaces);
  }

  #find(
    socket: StalledSocket,
    peers: readonly StreamPeer[],
    handed: ReadonlyMap<StreamPeer, number>,
    found: Set<StreamPeer>,
  ): void {
    const known = peers.find(({ port }) => port === socket.port);
    if (known !== undefined) return this.#lose(known);
    const key = keyOf(socket);
    const before = this.#unacknowledged.get(key);
    if (before === undefined) return;
    const more = socket.unacknowledgedBytes - before;
    const fitting = peers.filter((peer) => {
      const now = handed.get(peer);
      // What was handed over while the kernel was asked may stand in its answer or not.
      if (peer.port !== undefined || now === undefined || now !== peer.handedBytes()) return false;
      return now - (this.#handed.get(peer) ?? Number.NaN) === more;
    });
    const [first] = fitting;
    if (first !== undefined && fitting.length === 1 && this.#nudged.has(first)) return this.#lose(first);
    for (const peer of fitting) found.add(peer);
  }

  #lose(peer: StreamPeer): void {
    this.found++;
    peer.lose();
  }
}

function keyOf({ address, port }: StalledSocket): string {
  return `${address} ${port}`;
}

function groupedByAddress(peers: Iterable<StreamPeer>): ReadonlyMap<string, readonly StreamPeer[]> {
  const groups = new Map<string, StreamPeer[]>();
  for (const peer of peers) {
    const group = groups.get(peer.address);
    if (group === undefined) groups.set(peer.address, [peer]);
    else group.push(peer);
  }
  return groups;
}
