// The version of this program, as its package has it.

import { existsSync, readFileSync } from 'node:fs';

/** Where the package is, seen from the built file and from its source. */
const PLACES = ['../../../package.json', '../../package.json'].map((path) => new URL(path, import.meta.url));

function versionOf(): string {
  const place = PLACES.find((one) => existsSync(one));
  return place === undefined ? 'unknown' : String(JSON.parse(readFileSync(place, 'utf8')).version);
}

export const VERSION = versionOf();
