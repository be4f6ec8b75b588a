// Runs in Deno and Bun: prints one line of JSON and ends by itself, or does not, when something is left open.

import { createClient } from 'fanfare-client';
import { play } from './scenario.mjs';

const [url, runtime] = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2)).slice(-2);
console.log(JSON.stringify(await play({ createClient, url, runtime })));
