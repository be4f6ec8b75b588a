// Hooks of React where there is no page: what a server renders is what a page begins with, whatever its client does already.

import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, it } from 'vitest';
import { FanfareProvider, useChannel, useClientState } from '../../../client-sdk/react.js';
import { World } from './fakes/world.js';

const State = () => createElement('p', null, useClientState().type);
const Channel = ({ keep }: { readonly keep: number }) =>
  createElement('p', null, useChannel('news', { keep }).messages.length);

it('a client that is connected is idle in what a server renders', async () => {
  const world = new World();
  world.subscribe('news');
  await (await world.network.sockets.next()).accept();
  expect(world.client.state.type).toBe('connected');
  const html = renderToString(createElement(FanfareProvider, { client: world.client }, createElement(State)));
  expect(html).toBe('<p>idle</p>');
  await world.end();
});

it.each([0, -1, Number.NaN])('keep: %d is refused', async (keep) => {
  const world = new World();
  const page = createElement(FanfareProvider, { client: world.client }, createElement(Channel, { keep }));
  expect(() => renderToString(page)).toThrow(new TypeError(`bad keep: ${keep} is not at least 1`));
  await world.end();
});
