// Channels of the queue whose entries wait for themselves: one is being published still, or is to be tried again later.

/** Chosen: pauses between attempts on one channel. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** A channel whose entries are passed over by whoever reads the queue for all others. */
export interface AsideChannel {
  readonly name: string;
  /** The oldest entry that is not dealt with. */
  firstId: string;
  /** Its entries are being published now; what is not busy is tried again once `dueMs` has come. */
  isBusy: boolean;
  /** Others were read meanwhile: entries of this channel may have been passed over. */
  wasPassed: boolean;
  /** Attempts that failed for a fault of the channel's own, since one succeeded. */
  failures: number;
  /** How many entries had been stored when it failed last; infinite unless it has since it was stored to. */
  storedAtFailure: number;
  pauseMs: number;
  dueMs: number;
}

/** What is aside, by channel. It holds names and places, no entries. */
export class Aside {
  readonly #byName = new Map<string, AsideChannel>();

  get size(): number {
    return this.#byName.size;
  }

  /** Channels that others no longer wait for. */
  get passed(): number {
    let count = 0;
    for (const { wasPassed } of this.#byName.values()) if (wasPassed) count++;
    return count;
  }

  names(): Iterable<string> {
    return this.#byName.keys();
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Its entries are published from `firstId` on. */
  begin(name: string, firstId: string): AsideChannel {
    const waits = { firstId, isBusy: true, wasPassed: false, pauseMs: FIRST_PAUSE_MS, dueMs: 0 };
    const channel: AsideChannel = { name, ...waits, failures: 0, storedAtFailure: Number.POSITIVE_INFINITY };
    this.#byName.set(name, channel);
    return channel;
  }

  /** What is there now is passed over by the next read. */
  pass(): void {
    for (const channel of this.#byName.values()) channel.wasPassed = true;
  }

  /** Nothing can be published there now. */
  retryLater(channel: AsideChannel, nowMs: number): void {
    channel.isBusy = false;
    channel.wasPassed = true;
    channel.dueMs = nowMs + channel.pauseMs * (0.5 + Math.random() / 2);
    channel.pauseMs = Math.min(channel.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** Its entries are read with all others again. */
  end(channel: AsideChannel): void {
    this.#byName.delete(channel.name);
  }

  /** Those to be tried again, as many as leave `maxBusy` of them busy. */
  due(nowMs: number, maxBusy: number): readonly AsideChannel[] {
    const due: AsideChannel[] = [];
    let busy = 0;
    for (const channel of this.#byName.values()) {
      if (channel.isBusy) busy++;
      else if (channel.dueMs <= nowMs) due.push(channel);
    }
    return due.slice(0, Math.max(0, maxBusy - busy));
  }

  /** Forgets all that is not busy. */
  forget(): void {
    for (const channel of this.#byName.values()) if (!channel.isBusy) this.#byName.delete(channel.name);
  }
}

/** The least id of a stream above `id`. */
export function idAfter(id: string): string {
  const [ms, seq] = partsOf(id);
  return seq === LAST_SEQUENCE ? `${ms + 1n}-0` : `${ms}-${seq + 1n}`;
}

/** The lesser of two ids. */
export function earlier(a: string, b: string): string {
  const [msOfA, seqOfA] = partsOf(a);
  const [msOfB, seqOfB] = partsOf(b);
  return msOfA < msOfB || (msOfA === msOfB && seqOfA <= seqOfB) ? a : b;
}

const LAST_SEQUENCE = 2n ** 64n - 1n;

function partsOf(id: string): readonly [ms: bigint, seq: bigint] {
  const [ms = '0', seq = '0'] = id.split('-');
  return [BigInt(ms), BigInt(seq)];
}
