// A short chaos run of a few faults, as the test suites hold it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Shape } from './beds.js';
import { FAULTS } from './faults.js';
import { holdTrial, type Trial } from './trial.js';

/** As the issue of a run that failed names it; else by chance. */
const SEED = Number(process.env.FANFARE_TEST_SEED ?? Date.now() % 1_000_000);
const CLIENTS = 120;
const CHANNELS = 24;
/** In each slice the links of one node of three are cut, and half of the clients have links: 20 of them come again. */
const RESUMES = CLIENTS / 12;

/** Makes each of these faults once, and judges. The histories stay when it does not pass. */
export async function holdSlice(shape: Shape, names: readonly string[]): Promise<Trial> {
  const directory = await mkdtemp(join(tmpdir(), `fanfare-chaos-${shape}-`));
  const faults = names.map((name) => {
    const fault = FAULTS.find((candidate) => candidate.name === name);
    if (fault === undefined) throw new TypeError(`there is no fault ${name}`);
    return fault;
  });
  const log: string[] = [`seed ${SEED} (FANFARE_TEST_SEED), histories in ${directory}`];
  const trial = await holdTrial({
    ...{ directory, shape, seed: SEED, faults, forMs: 0, workers: 1, lieEvery: 5_000 },
    ...{ clients: CLIENTS, channels: CHANNELS, channelsPerClient: 2, publishesPerSecond: 40 },
    wanted: {
      ...{ minAcknowledged: 500, minDeliveries: 5_000, minResumes: RESUMES },
      ...{
        minClients: CLIENTS,
        minChannels: CHANNELS,
        requireFaults: names,
        mustLose: names.filter((name) => name.includes('no replica had')),
      },
    },
    log: (line) => log.push(line),
  }).catch((error: unknown) => {
    throw new Error(log.join('\n'), { cause: error });
  });
  if (trial.failures.length > 0) console.error(log.join('\n'));
  else await rm(directory, { recursive: true });
  return trial;
}
