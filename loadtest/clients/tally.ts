// What the clients of one worker have received: deliveries by their numbers, latencies, bytes and surprises.

import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { endOf, type Numbered } from '../numbers.js';
import { findPayload, nowUs, readDueUs, readNumber } from '../payload.js';
import type { TallyReport } from '../worker-messages.js';
import { Sequence } from './sequence.js';

const HIGHEST_US = 60_000_000;
const SURPRISE_LENGTH = 200;

export class Tally {
  bytesIn = 0;
  polls = 0;
  /** By place: the number of the client in the run. */
  private readonly numbers: number[] = [];
  private readonly sequence = new Sequence();
  private deliveries = 0;
  private nextProgress = Number.POSITIVE_INFINITY;
  private reportEvery = Number.POSITIVE_INFINITY;
  private histogram: Histogram | undefined;
  private payloadAt = 0;
  private surprises = 0;
  private surprise = '';
  private readonly onProgress: (deliveries: number) => void;

  /** Calls back each time that another `reportEvery` deliveries have come. */
  constructor(onProgress: (deliveries: number) => void) {
    this.onProgress = onProgress;
  }

  /** Makes room for one more client and returns its place. */
  addClient(number: number): number {
    this.numbers.push(number);
    return this.sequence.addClient();
  }

  /** Begins a window whose channels each go on with the number `first`. What surprised before stays a surprise. */
  reset(first: number, reportEvery: number, latency: boolean): void {
    this.sequence.reset(first);
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
    this.deliveries += 1;
    const at = findPayload(bytes, start, start + this.payloadAt);
    if (at < 0) this.surprised('a message without a time');
    else {
      this.payloadAt = at - start;
      this.sequence.received(place, readNumber(bytes, at));
      this.histogram?.recordValue(Math.min(HIGHEST_US, Math.max(1, nowUs() - readDueUs(bytes, at))));
    }
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

  /** What came of `window`, where a client is on the channel of its own number. */
  report(window: Numbered): TallyReport {
    const { repeated, disordered } = this.sequence;
    return {
      clients: this.numbers.length,
      deliveries: this.deliveries,
      lost: this.sequence.lost((place) => endOf(window, (this.numbers[place] ?? 0) % window.channels)),
      repeated,
      disordered,
      bytesIn: this.bytesIn,
      polls: this.polls,
      surprises: this.surprises,
      surprise: this.surprise,
      histogram: this.histogram === undefined ? '' : encodeIntoCompressedBase64(this.histogram),
    };
  }
}
