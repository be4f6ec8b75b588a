// How a process ends: stage by stage, each cut short by the next signal.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EndSignal, ServerEnd } from '../../../src/cli/server-end.js';
import { RecordingLogger } from '../../support/recording-logger.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function ending(delayMs = 5_000, timeoutMs = 25_000) {
  const told: string[] = [];
  const finish: { drained: () => void } = { drained: () => {} };
  const end = new ServerEnd({
    logger: new RecordingLogger(),
    delayMs,
    timeoutMs,
    exit: (code) => void told.push(`exit ${code}`),
  });
  end.attach({
    start: () => Promise.reject(new Error('not in this test')),
    leave: () => void told.push('leave'),
    drain: (withinMs) => {
      told.push(`drain within ${withinMs}`);
      return new Promise((resolve) => {
        finish.drained = resolve;
      });
    },
    close: async () => void told.push('close'),
  });
  end.serving();
  /** Lets what was drained be so. */
  const drained = async () => {
    finish.drained();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { end, told, drained };
}

describe('a signal', () => {
  it.each<EndSignal>(['SIGTERM', 'SIGHUP'])(
    '%s has the process serve on for the delay, then drain, then end with 0',
    async (signal) => {
      const { end, told, drained } = ending();
      end.signal(signal);
      await vi.advanceTimersByTimeAsync(4_999);
      expect(told).toEqual(['leave']);
      await vi.advanceTimersByTimeAsync(1);
      expect(told).toEqual(['leave', 'drain within 19000']);
      await drained();
      expect(told.at(-1)).toBe('exit 0');
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('SIGINT skips the delay', async () => {
    const { end, told, drained } = ending();
    end.signal('SIGINT');
    expect(told).toEqual(['drain within 24000']);
    await drained();
    expect(told.at(-1)).toBe('exit 0');
  });

  it('that is the second ends the delay, the third the process', async () => {
    const { end, told } = ending();
    end.signal('SIGTERM');
    await vi.advanceTimersByTimeAsync(1_000);
    end.signal('SIGTERM');
    expect(told).toEqual(['leave', 'drain within 23000']);
    end.signal('SIGTERM');
    expect(told.at(-1)).toBe('exit 143');
  });

  it.each<[EndSignal, number]>([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ])('%s that comes while there is no delay any more ends the process with %s', (signal, code) => {
    const { end, told } = ending(0);
    end.signal('SIGTERM');
    end.signal(signal);
    expect(told).toEqual(['drain within 24000', `exit ${code}`]);
  });

  it('before the process serves brings no delay', () => {
    const told: number[] = [];
    const parts = { logger: new RecordingLogger(), delayMs: 5_000, timeoutMs: 25_000 };
    const end = new ServerEnd({ ...parts, exit: (code) => void told.push(code) });
    end.signal('SIGTERM');
    end.signal('SIGTERM');
    expect(told).toEqual([143]);
  });
});

describe('a drain that an operator asks for', () => {
  it('has no delay, and the signal that follows is the first', async () => {
    const { end, told, drained } = ending();
    end.request();
    end.request();
    expect(told).toEqual(['drain within 24000']);
    end.signal('SIGTERM');
    expect(told).toHaveLength(1);
    await drained();
    expect(told.at(-1)).toBe('exit 0');
  });

  it('ends the delay of a signal', () => {
    const { end, told } = ending();
    end.signal('SIGTERM');
    end.request();
    expect(told).toEqual(['leave', 'drain within 24000']);
  });
});

it('a process whose id was taken drains without a delay and ends with 73', async () => {
  const { end, told, drained } = ending();
  end.displaced();
  expect(told).toEqual(['drain within 24000']);
  await drained();
  expect(told.at(-1)).toBe('exit 73');
});

it('a drain that does not end is ended when its time is over, the delay included', async () => {
  const { end, told } = ending();
  end.signal('SIGTERM');
  await vi.advanceTimersByTimeAsync(24_999);
  expect(told.at(-1)).toBe('drain within 19000');
  await vi.advanceTimersByTimeAsync(1);
  expect(told.slice(-2)).toEqual(['close', 'exit 0']);
});
