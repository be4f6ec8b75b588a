// Reads the channels' logs from Redis as they are after a run, without Fanfare's code.

import { createCommandClient } from '../../src/broker/redis/clients.js';
import type { Bed } from './beds.js';
import type { Noted } from './history-writer.js';
import { carriedValue } from './message-value.js';

const PAGE = 1_000;
const AT_ONCE = 8;

type Reader = ReturnType<typeof createCommandClient>;

/** Each channel's last offset; empty where nothing was ever published. */
export async function readTails(bed: Bed, channels: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const tails: Record<string, string> = {};
  await eachChannel(bed, channels, async (reader, channel) => {
    tails[channel] = await readTail(reader, channel);
  });
  return tails;
}

export async function readLogs(
  bed: Bed,
  channels: readonly string[],
  historySize: (channel: string) => number,
  note: (event: Noted) => void,
): Promise<void> {
  await eachChannel(bed, channels, async (reader, channel) => {
    const key = `fanfare:{${channel}}`;
    const entries: [string, string][] = [];
    for (let from = '-'; ; ) {
      const page = await reader.xrange(`${key}:log`, from, '+', 'COUNT', PAGE);
      for (const [id, fields] of page) {
        const data = fields[fields.indexOf('d') + 1] ?? '';
        entries.push([written(id), carriedValue(JSON.parse(data))]);
      }
      const last = page.at(-1)?.[0];
      if (last === undefined || page.length < PAGE) break;
      from = `(${last}`;
    }
    const tail = await readTail(reader, channel);
    note({ kind: 'ok', f: 'log', channel, historySize: historySize(channel), tail, entries });
  });
}

/** The key holds the tail and where the history begins. */
async function readTail(reader: Reader, channel: string): Promise<string> {
  const [tail = ''] = ((await reader.get(`fanfare:{${channel}}:tail`)) ?? '').split(' ');
  return written(tail);
}

/** A Redis Stream id as an offset. */
function written(id: string): string {
  const [ms = '', seq = ''] = id.split('-');
  return id === '' ? '' : `${ms.padStart(13, '0')}-${seq.padStart(16, '0')}`;
}

async function eachChannel(
  bed: Bed,
  channels: readonly string[],
  read: (reader: Reader, channel: string) => Promise<void>,
): Promise<void> {
  const reader = createCommandClient(bed.place, 'reader');
  reader.on('error', () => {});
  await reader.connect();
  const left = [...channels];
  const next = async (): Promise<void> => {
    for (let channel = left.pop(); channel !== undefined; channel = left.pop()) await read(reader, channel);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  } finally {
    reader.disconnect();
  }
}
