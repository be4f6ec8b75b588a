// The worker that tabs share, for `fanfare/client/shared`: it has a hub for all who agree in a key.

import { BROWSER } from './shared/browser.js';
import { createHub, type Hub } from './shared/hub.js';
import type { Port } from './shared/port.js';
import type { Greeting } from './shared/worker.js';

const hubs = new Map<string, Hub>();

const greet = (port: Port) => {
  port.onmessage = ({ data: { key, lock, options, isTokenLent, secret } }: { readonly data: Greeting }) => {
    // What its function gives is lent by tabs.
    const token = isTokenLent ? () => null : options.token;
    const hub = hubs.get(key) ?? createHub(BROWSER, { ...options, token }, () => void hubs.delete(key), secret);
    hubs.set(key, hub);
    hub.serve(port, lock);
  };
};

Object.assign(globalThis, {
  onconnect({ ports: [port] }: { readonly ports: readonly Port[] }) {
    if (port) greet(port);
  },
});
