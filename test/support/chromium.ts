// A real Chromium for tests: finds it, starts it, and says why it cannot.

import { type Browser, chromium } from 'playwright';
import { findProgram, isExecutable } from './programs.js';

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
const executablePath = process.env.CHROMIUM_PATH || (findProgram(...NAMES) ?? ELSEWHERE.find(isExecutable));

/** Why browser tests are to be skipped, for their title. In CI nothing is skipped: there `launchChromium` fails instead. */
export const skipReason: string | undefined =
  executablePath === undefined && !process.env.CI ? 'chromium is not installed' : undefined;

/** The caller closes it. `keepsPages`: a page that is left is kept for the back button, as without playwright. `args` are more flags. */
export function launchChromium({ keepsPages = false, args = [] as readonly string[] } = {}): Promise<Browser> {
  if (executablePath === undefined) throw new Error('chromium is not installed, and CI skips nothing');
  const ignoreDefaultArgs = keepsPages ? ['--disable-back-forward-cache'] : [];
  return chromium.launch({ executablePath, args: [...FLAGS, ...args], ignoreDefaultArgs });
}
