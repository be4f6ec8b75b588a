// The page of tabs that share one connection: who holds it, that all have the same, and that nobody misses anything.

import type { ClientState, Message } from '../client-sdk/types.js';
import { Cable } from './cable.js';
import { part, write } from './dom.js';
import { plural } from './format.js';
import { Neighbours } from './neighbours.js';
import { nowMs, readPayload } from './payload.js';
import { setUpThemeButton } from './theme-button.js';
import { findIssuer, tokenOf } from './token.js';
import { TokenHelp } from './token-help.js';

/** Tabs share a connection only where they have the same user. */
const USER = 'tabs';
const CHANNEL = 'demo:tabs';
const SHOWN = 8;

/** Whether the tabs do it among themselves: one of them has the connection, and another when that is closed. */
const isAmongTabs = new URLSearchParams(location.search).has('leader');

setUpThemeButton();
part(isAmongTabs ? 'way-leader' : 'way-worker', HTMLAnchorElement).setAttribute('aria-current', 'page');
part('another', HTMLAnchorElement).href = location.href;

let socketsHere = 0;
let heard = 0;
let state: ClientState = { type: 'idle' };
const { createSharedClient } = await import('/sdk-shared.js');
const issuer = await findIssuer();
const help = new TokenHelp(issuer);
const common = { url: location.origin, token: tokenOf(issuer, (...request) => fetch(...request), USER) };
const counting = new Cable({
  onTraffic: ({ requests = 0 }) => {
    socketsHere += requests;
  },
});
// What a tab hands in cannot be used in a worker, so only where it does without one its sockets are counted.
const client = createSharedClient(
  isAmongTabs ? { ...common, worker: null, WebSocket: counting.WebSocket } : { ...common, worker: '/shared-worker.js' },
);

const neighbours = new Neighbours();
neighbours.onChange = show;

client.on('state', (next) => {
  state = next;
  if (next.type === 'closed') help.ended(next.reason);
  if (next.type === 'connected') help.hide();
  show();
});
client.subscribe(CHANNEL, {}, hear).on('state', (next) => {
  if (next.type === 'closed') help.ended(next.code);
});
part('say', HTMLButtonElement).addEventListener('click', () => {
  const payload = { text: `Number ${heard + 1}`, by: neighbours.name, sentAtMs: nowMs() };
  client.publish(CHANNEL, payload).catch((error: unknown) => write(part('problem', HTMLElement), String(error)));
});

function hear({ data }: Message): void {
  heard++;
  const { text, by } = readPayload(data);
  const line = document.createElement('li');
  line.dataset.testid = 'heard';
  line.textContent = `${by ?? 'somebody'}: ${text}`;
  const list = part('list', HTMLOListElement);
  list.prepend(line);
  while (list.childElementCount > SHOWN) list.lastElementChild?.remove();
  show();
}

function show(): void {
  const { connection } = client;
  document.documentElement.dataset.state = state.type;
  write(part('connection', HTMLElement), connection?.id ?? '–');
  write(part('tabs', HTMLElement), String(neighbours.count));
  write(part('count', HTMLElement), String(heard));
  write(part('holder', HTMLElement), holder());
  write(part('name', HTMLElement), neighbours.name);
}

/** Who has the connection, as far as this tab knows. */
function holder(): string {
  if (state.type === 'closed') return `Closed: ${state.reason}`;
  if (state.type !== 'connected') return 'Nobody is connected yet';
  const all = neighbours.count === 1 ? 'this tab' : `${plural(neighbours.count, 'tab')}`;
  if (!isAmongTabs) return `A worker holds one connection for ${all}`;
  return socketsHere > 0
    ? `This tab holds the one connection for ${all}`
    : 'Another tab holds the connection, this one uses it';
}
