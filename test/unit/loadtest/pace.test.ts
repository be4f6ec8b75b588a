// The steady publisher: all that is due is sent at each wake-up, and each message says when it was due, not when it was sent.

import { describe, expect, it } from 'vitest';
import { Numbers } from '../../../loadtest/numbers.js';
import { readDueUs, readNumber } from '../../../loadtest/payload.js';
import type { Publisher } from '../../../loadtest/publisher.js';
import { pace, type Stage } from '../../../loadtest/traffic.js';
import { FakeProc } from './fake-proc.js';

const PAYLOAD_BYTES = 64;
const REPORT = {
  clients: 1,
  deliveries: 0,
  lost: 0,
  repeated: 0,
  disordered: 0,
  bytesIn: 0,
  bytesOut: 0,
  polls: 0,
  surprises: 0,
  surprise: '',
  ended: 0,
  latency: undefined,
  lagP99Ms: 0,
  lagMaxMs: 0,
};

/** A stage without server or clients: what is published is kept. */
function stageWith(publisher: Pick<Publisher, 'send' | 'settled'>): Stage {
  const proc = new FakeProc(1);
  proc.use(1, '1', 0);
  return {
    name: 'a stage',
    proc,
    cast: { server: 1, drivers: [1] },
    fleet: { reset: async () => {}, reached: async () => true, report: async () => REPORT },
    publisher: { ...publisher, close: () => {} },
    encode: (_, payload) => Buffer.from(payload),
    channels: ['news'],
    numbers: new Numbers(1),
    deliveriesPerMessage: 1,
    payloadBytes: PAYLOAD_BYTES,
  };
}

/** A short poll that takes all that was published each time that so many messages have been, and what is left once it is asked for again. */
function pollingEach(messages: number) {
  const proc = new FakeProc(1);
  proc.use(1, '1', 0);
  proc.use(2, '1', 0);
  let published = 0;
  let delivered = 0;
  const poll = (): void => {
    // A server that takes a millisecond for each delivery, and nothing else.
    proc.use(1, '1', published - delivered);
    delivered = published;
  };
  let asked = 0;
  const report = async () => {
    asked += 1;
    // Asked when the window begins, when it ends, and then for what is still missing: nobody watches the server any more.
    if (asked > 2) poll();
    return { ...REPORT, deliveries: delivered, bytesIn: delivered * 10, lost: published - delivered };
  };
  const stage = stageWith({
    send: (_, count) => {
      for (let at = 0; at < count; at += 1) {
        published += 1;
        if (published % messages === 0) poll();
      }
    },
    settled: async () => {},
  });
  return { ...stage, proc, cast: { server: 1, drivers: [2] }, fleet: { ...stage.fleet, report } };
}

describe('a steady publisher', () => {
  it('divides the CPU of a window by what came in it, though what short polls still wait for comes after it', async () => {
    const rhythm = { perSecond: 400, seconds: 0.5, leadMs: 250, latency: false, lingerMs: 0 };
    const { messages, served, watched, report } = await pace(pollingEach(70), rhythm);
    // A lead of 100 messages, of which 70 are polled for before the window, and 200 in it.
    expect(messages).toBe(300);
    expect(report).toMatchObject({ deliveries: 300, lost: 0 });
    expect(served).toBeGreaterThan(0);
    expect(served).toBeLessThanOrEqual(210);
    expect(watched.server * 1_000).toBeCloseTo(served, 6);
    expect(report.bytesIn).toBe(served * 10);
  });

  it('sends each message once, with the time that it was due, however few wake-ups there are', async () => {
    const sent: Buffer[] = [];
    const announced: number[] = [];
    const stage = stageWith({
      send: (bytes, messages) => {
        sent.push(bytes);
        announced.push(messages);
      },
      settled: async () => {},
    });
    // Ten times as many as there are timers in that time, which have a millisecond at least.
    const measured = await pace(stage, { perSecond: 10_000, seconds: 0.1, latency: false, lingerMs: 0 });
    const bytes = Buffer.concat(sent);
    const starts = Array.from({ length: bytes.length / PAYLOAD_BYTES }, (_, at) => at * PAYLOAD_BYTES);
    expect(measured).toMatchObject({ messages: 1_000, expected: 1_000, asked: 10_000 });
    expect(announced.reduce((sum, messages) => sum + messages, 0)).toBe(1_000);
    expect(starts.map((start) => readNumber(bytes, start))).toEqual(starts.map((_, at) => at + 1));
    const first = readDueUs(bytes, 0);
    expect(starts.map((start) => readDueUs(bytes, start) - first)).toEqual(starts.map((_, at) => at * 100));
  });

  it('says how many a second were acknowledged, not how many were handed over', async () => {
    let answer = () => {};
    const stage = stageWith({ send: () => {}, settled: () => new Promise((resolve) => (answer = resolve)) });
    const running = pace(stage, { perSecond: 1_000, seconds: 0.01, latency: false, lingerMs: 0 });
    setTimeout(() => answer(), 50); // five times as long as the window
    expect((await running).achieved).toBeLessThan(980);
  });
});
