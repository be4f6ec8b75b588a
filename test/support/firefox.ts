// A real Firefox ESR for tests: finds it, starts it, and says why it cannot.

import { type Browser, firefox } from 'playwright';
import { findProgram } from './programs.js';

/** Where it is: `FIREFOX_PATH`, else the first on the `PATH`. */
const executablePath = process.env.FIREFOX_PATH || findProgram('firefox-esr', 'firefox');

/** Why tests in it are to be skipped; in CI nothing is, there `launchFirefox` fails instead. */
export const firefoxSkipReason: string | undefined =
  executablePath === undefined && !process.env.CI ? 'type: apt-get install firefox-esr' : undefined;

/** Driven by WebDriver BiDi, as it is installed. The caller closes it. */
export function launchFirefox(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('firefox-esr is not installed, and CI skips nothing');
  return firefox.launch({ executablePath, channel: 'moz-firefox' });
}
