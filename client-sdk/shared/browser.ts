// What of the browser tabs find each other by: of the page, or of the worker that they share.

import type { Browser } from './meeting.js';

const { navigator, BroadcastChannel } = globalThis;

/** Both are missing where a page is not secure, or no page. */
export const BROWSER = { locks: navigator?.locks, BroadcastChannel } as unknown as Browser;
