// Reads the files that the processes of a run wrote, one after the other, into one history.

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HistoryEvent } from './history.js';
import { HistoryBuilder } from './judge-builder.js';
import type { History } from './judge-history.js';

const CHUNK_BYTES = 1 << 20;

/**
 * All of `*.jsonl` in `directory`. A last line without its end is ignored and counted; any other line that is not JSON is
 * an error. 4,000,000 deliveries take about 100 bytes each.
 */
export async function readHistory(directory: string): Promise<History> {
  const builder = new HistoryBuilder();
  const names = (await readdir(directory)).filter((name) => name.endsWith('.jsonl')).sort();
  for (const name of names) await readFile(join(directory, name), builder);
  return builder.finish();
}

async function readFile(path: string, builder: HistoryBuilder): Promise<void> {
  let rest = '';
  let line = 0;
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: CHUNK_BYTES });
  for await (const chunk of stream as AsyncIterable<string>) {
    const text = rest + chunk;
    let start = 0;
    for (let end = text.indexOf('\n', start); end !== -1; end = text.indexOf('\n', start)) {
      line++;
      if (end > start) builder.add(parse(text.slice(start, end), path, line));
      start = end + 1;
    }
    rest = text.slice(start);
  }
  if (rest !== '') builder.cutLines++;
}

function parse(text: string, path: string, line: number): HistoryEvent {
  try {
    return JSON.parse(text) as HistoryEvent;
  } catch (cause) {
    throw new Error(`${path}:${line}: not a line of a history: ${text.slice(0, 200)}`, { cause });
  }
}
