// Loaded into a server under test before its own code: on SIGUSR2 it collects garbage, and says how much of its heap lies empty then.

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options?: object) => void;

process.on('SIGUSR2', () => {
  // Gives memory back to the system, and leaves garbage that the second one takes (measured: 28 of 31 MB).
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  collect();
  const { total_physical_size: resident, used_heap_size: used } = getHeapStatistics();
  // The title is what others can read of a process without a word to it: see scenarios/settled-memory.ts.
  process.title = `unused heap ${Math.max(0, resident - used)}`;
});
