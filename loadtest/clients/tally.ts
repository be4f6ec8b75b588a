// What the clients of one worker have received: counts per client, latencies, bytes and surprises.

import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { nowUs, readTimeUs, TIME_MARK } from '../payload.js';
import type { WorkerReport } from '../worker-messages.js';

const HIGHEST_US = 60_000_000;
const SURPRISE_LENGTH = 200;

export class Tally {
  bytesIn = 0;
  polls = 0;
  private counts = new Uint32Array(0);
  private clients = 0;
  private deliveries = 0;
  private nextProgress = Number.POSITIVE_INFINITY;
  private reportEvery = Number.POSITIVE_INFINITY;
  private histogram: Histogram | undefined;
  private surprises = 0;
  private surprise = '';
  private readonly onProgress: (deliveries: number) => void;

  /** Calls back each time that another `reportEvery` deliveries have come. */
  constructor(onProgress: (deliveries: number) => void) {
    this.onProgress = onProgress;
  }

  /** Makes room for one more client and returns its place. */
  addClient(): number {
    if (this.clients === this.counts.length) {
      const larger = new Uint32Array(Math.max(64, this.counts.length * 2));
      larger.set(this.counts);
      this.counts = larger;
    }
    this.clients += 1;
    return this.clients - 1;
  }

  reset(reportEvery: number, latency: boolean): void {
    this.counts.fill(0);
    this.deliveries = 0;
    this.bytesIn = 0;
    this.polls = 0;
    this.reportEvery = reportEvery;
    this.nextProgress = reportEvery;
    this.histogram = latency
      ? build({ highestTrackableValue: HIGHEST_US, numberOfSignificantValueDigits: 3 })
      : undefined;
  }

  /** One message for the client at `place`; its payload lies at or after `start`. */
  received(place: number, bytes: Buffer, start: number): void {
    this.counts[place] = (this.counts[place] ?? 0) + 1;
    this.deliveries += 1;
    if (this.histogram !== undefined) this.record(this.histogram, bytes, start);
    if (this.deliveries >= this.nextProgress) {
      this.nextProgress += this.reportEvery;
      this.onProgress(this.deliveries);
    }
  }

  /** Something that a healthy run does not bring: a gap, an error, a move. */
  surprised(what: string): void {
    if (this.surprises === 0) this.surprise = what.slice(0, SURPRISE_LENGTH);
    this.surprises += 1;
  }

  report(ended: number, bytesOut: number): WorkerReport {
    const counts = this.counts.subarray(0, this.clients);
    return {
      is: 'report',
      clients: this.clients,
      deliveries: this.deliveries,
      fewest: counts.reduce((fewest, count) => Math.min(fewest, count), Number.MAX_SAFE_INTEGER),
      most: counts.reduce((most, count) => Math.max(most, count), 0),
      ended,
      bytesIn: this.bytesIn,
      bytesOut,
      polls: this.polls,
      surprises: this.surprises,
      surprise: this.surprise,
      histogram: this.histogram === undefined ? '' : encodeIntoCompressedBase64(this.histogram),
    };
  }

  private record(histogram: Histogram, bytes: Buffer, start: number): void {
    const at = bytes.indexOf(TIME_MARK, start);
    if (at < 0) return this.surprised('a message without a time');
    histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, nowUs() - readTimeUs(bytes, at))));
  }
}
