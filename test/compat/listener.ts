// A client of either build's SDK that writes down what it hears of one channel.

import type { Client, Transport } from '../../client-sdk/types.js';
import type { Build } from './baseline.js';
import { token } from './mixed-cluster.js';

export class Listener {
  readonly name: string;
  readonly heard: { readonly offset: string; readonly data: unknown }[] = [];
  /** Gaps, and refusals of the subscription: there are to be none. */
  readonly trouble: unknown[] = [];
  readonly client: Client;

  constructor(build: Build, url: string, transport: Transport, channel: string, after = '-1') {
    this.name = `${build.name} over ${transport}`;
    this.client = build.sdk.createClient({ url, token: () => token(this.name), transports: [transport] });
    const subscription = this.client.subscribe(channel, { after });
    subscription.on('message', ({ offset = '', data }) => this.heard.push({ offset, data }));
    subscription.on('gap', (gap) => this.trouble.push(gap));
    subscription.on('state', (state) => {
      if (state.type === 'closed' && state.code !== 'closed') this.trouble.push(state);
    });
    this.client.on('state', (state) => {
      if (state.type === 'closed' && state.code !== 1000) this.trouble.push(state);
    });
  }
}
