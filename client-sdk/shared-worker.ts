// The worker that tabs share, for `fanfare/client/shared`: it has one hub, for those who call the worker by one name.

import { BROWSER } from './shared/browser.js';
import { createHub, type Hub } from './shared/hub.js';
import type { Port } from './shared/port.js';
import type { Greeting } from './shared/worker.js';

let hub: Hub | undefined;

const greet = (port: Port) => {
  port.onmessage = ({ data: { lock, options, isTokenLent, secret } }: { readonly data: Greeting }) => {
    // What its function gives is lent by tabs.
    const token = isTokenLent ? () => null : options.token;
    const ended = () => {
      hub = undefined;
    };
    hub ??= createHub(BROWSER, { ...options, token }, ended, secret);
    hub.serve(port, lock);
  };
};

Object.assign(globalThis, {
  onconnect({ ports: [port] }: { readonly ports: readonly Port[] }) {
    if (port) greet(port);
  },
});
