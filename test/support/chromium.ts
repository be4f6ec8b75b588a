// A real Chromium for tests: finds it, starts it, and says why it cannot.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const ELSEWHERE = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
/** No sandbox, as it does not work for root in a container; nothing that calls out to the world. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where Chromium is: `CHROMIUM_PATH`, else the first on the `PATH`, else where macOS keeps it. */
function findChromium(): string | undefined {
  const { CHROMIUM_PATH, PATH = '' } = process.env;
  if (CHROMIUM_PATH) return CHROMIUM_PATH;
  const onPath = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...ELSEWHERE].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const executablePath = findChromium();

/** Why browser tests are to be skipped, for their title. In CI nothing is skipped: there `launchChromium` fails instead. */
export const skipReason: string | undefined =
  executablePath === undefined && !process.env.CI ? 'chromium is not installed' : undefined;

/** The caller closes it. */
export function launchChromium(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('chromium is not installed, and CI skips nothing');
  return chromium.launch({ executablePath, args: FLAGS });
}
