// The page put together: what arrives is shown, what is clicked is done.

import type { After, ClientState, Gap, Message, SubscriptionState, Transport } from '../client-sdk/types.js';
import { Arrivals } from './arrivals.js';
import { Cable } from './cable.js';
import { Channels } from './channels.js';
import { Commands } from './commands.js';
import { Composer } from './composer.js';
import { Costs } from './cost.js';
import { part, write } from './dom.js';
import { Feed } from './feed.js';
import { explainGap } from './format.js';
import { nameOfThisTab } from './identity.js';
import { Latencies } from './latency.js';
import { LatencyChart } from './latency-chart.js';
import { Outage } from './outage.js';
import { OutageBanner } from './outage-banner.js';
import { nowMs, type Payload, readPayload } from './payload.js';
import { type Choice, type CreateClient, Receiver } from './receiver.js';
import { Stage } from './stage.js';
import { Status } from './status.js';
import { hasToken, type Issuer, logOut, tokenOf } from './token.js';
import { TokenHelp } from './token-help.js';
import { Witness } from './witness.js';

const LOBBY = 'demo:lobby';
/** A position that no history holds any more: whoever comes back with it is told a gap. */
const LONG_GONE: After = '0000000000001-0000000000000001';
/** How often the story of an outage is retold while it lasts. */
const OUTAGE_TICK_MS = 250;

export class Page {
  readonly #createClient: CreateClient;
  readonly #issuer: Issuer;
  readonly #costs = new Costs();
  readonly #cable = new Cable({
    onLimited: () => this.#composer.limited(),
    onTraffic: (traffic) => {
      this.#costs.add(this.#transport, traffic);
      this.#redraw();
    },
  });
  readonly #latencies = new Latencies();
  readonly #arrivals = new Arrivals();
  readonly #chart = new LatencyChart(this.#latencies);
  readonly #feed = new Feed();
  readonly #commands: Commands;
  readonly #banner = new OutageBanner(() => this.#restore());
  readonly #status = new Status(() => this.#use(this.#receiver.choice));
  readonly #stage = new Stage((choice) => this.#use(choice));
  readonly #channels = new Channels({
    join: (channel) => this.#join(channel),
    leave: (channel) => this.#leave(channel),
    selected: (channel) => this.#target(channel),
  });
  readonly #composer = new Composer({ name: nameOfThisTab(), publish: (payload) => this.#publish(payload) });
  readonly #cutButton = part('cut', HTMLButtonElement);
  readonly #logOutButton = part('log-out', HTMLButtonElement);
  readonly #log = part('client-error', HTMLElement);
  readonly #help: TokenHelp;
  readonly #receiver: Receiver;
  /** The transport that delivers, or the last one that did. */
  #transport: Transport = 'websocket';
  #outage: Outage | undefined;
  #witness: Witness | undefined;
  /** The channel that was come back to too late on purpose: the next gap in it is the answer to that. */
  #lateIn: string | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #frame = 0;

  constructor(createClient: CreateClient, issuer: Issuer) {
    this.#createClient = createClient;
    this.#issuer = issuer;
    this.#help = new TokenHelp(issuer);
    this.#commands = new Commands(issuer);
    const { WebSocket, fetch } = this.#cable;
    const url = location.origin;
    this.#receiver = new Receiver(
      {
        createClient,
        options: { url, WebSocket, fetch, token: tokenOf(issuer, fetch) },
        onState: (state) => this.#onState(state),
        onError: (error) => this.#onError(error),
        onMessage: (message) => this.#onMessage(message),
        onGap: (gap) => this.#onGap(gap),
        onChannel: (channel, state) => this.#onChannel(channel, state),
      },
      'auto',
      [LOBBY],
    );
    this.#cutButton.addEventListener('click', () => (this.#cable.isCut ? this.#restore() : this.#cut()));
    this.#logOutButton.addEventListener('click', () => this.#logOut());
    part('replay', HTMLButtonElement).addEventListener('click', () => this.#rewind('-1'));
    part('too-late', HTMLButtonElement).addEventListener('click', () => this.#comeTooLate());
    part('clear', HTMLButtonElement).addEventListener('click', () => this.#feed.clear());
    this.#stage.select('auto');
    this.#target(LOBBY);
    this.#showCut();
  }

  #onState(state: ClientState): void {
    this.#status.show(state);
    this.#logOutButton.hidden = state.type !== 'connected' || !hasToken();
    if (state.type === 'closed') this.#help.ended(state.reason);
    if (state.type !== 'connected') return;
    write(this.#log, '');
    this.#help.hide();
    this.#transport = state.transport;
    this.#stage.raise(state.transport);
    if (this.#cable.isCut) return;
    this.#outage?.reconnected(nowMs());
    this.#showOutage();
  }

  #onError(error: unknown): void {
    write(this.#log, error instanceof Error ? error.message : String(error));
  }

  #onChannel(channel: string, state: SubscriptionState): void {
    if (state.type === 'subscribed') this.#arrivals.subscribed(channel, nowMs());
    if (state.type === 'closed') this.#help.ended(state.code);
    this.#channels.show(channel, state);
    this.#redraw();
  }

  #onMessage(message: Message): void {
    const now = nowMs();
    const payload = readPayload(message.data);
    const missed = this.#outage?.deliver(message.channel, message.offset, now) ?? false;
    const arrival = missed ? 'recovered' : this.#arrivals.kindOf(message.channel, payload.sentAtMs, now);
    const latencyMs = payload.sentAtMs === undefined ? undefined : Math.max(0, now - payload.sentAtMs);
    const transport = this.#transport;
    // What was caught up with, and what stood in a burst's queue, was late for another reason than its transport.
    const isTypical = arrival === 'live' && !payload.burst;
    if (isTypical && latencyMs !== undefined) this.#latencies.add({ ms: latencyMs, transport });
    this.#feed.add({ message, payload, arrival, transport, latencyMs });
    this.#stage.pulse(transport);
    this.#redraw();
  }

  #onGap(gap: Gap): void {
    const asked = this.#lateIn === gap.channel;
    if (asked) this.#lateIn = undefined;
    const told = explainGap(gap, asked);
    this.#feed.addGap(gap, told);
    if (this.#outage === undefined) this.#banner.showGap(told);
    else this.#outage.gap(gap.channel, gap.offset, nowMs());
    this.#redraw();
  }

  /** What changes with each message, once per frame. */
  #redraw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#chart.draw();
      this.#stage.showMedians(this.#latencies);
      this.#costs.show();
      for (const channel of this.#receiver.channels) this.#channels.move(channel, this.#receiver.position(channel));
      this.#showOutage();
    });
  }

  #use(choice: Choice): void {
    this.#stage.select(choice);
    this.#receiver.use(choice);
  }

  #publish(payload: Payload): Promise<unknown> {
    const channel = this.#channels.selected;
    return this.#witness !== undefined && this.#cable.isCut
      ? this.#witness.publish(channel, payload)
      : this.#receiver.publish(channel, payload);
  }

  #join(channel: string): void {
    this.#receiver.join(channel);
    if (this.#cable.isCut) this.#witness?.watch(channel, this.#receiver.position(channel));
  }

  #leave(channel: string): void {
    this.#receiver.leave(channel);
    this.#arrivals.forget(channel);
    this.#outage?.forget(channel);
  }

  #target(channel: string): void {
    this.#composer.showTarget(channel);
    this.#commands.show(channel);
  }

  /** Subscribes anew from another position; the list begins anew too, as everything may come again. */
  #rewind(after: After): void {
    const channel = this.#channels.selected;
    this.#feed.clear();
    this.#arrivals.forget(channel);
    this.#lateIn = undefined;
    this.#receiver.join(channel, after);
  }

  #comeTooLate(): void {
    this.#rewind(LONG_GONE);
    this.#lateIn = this.#channels.selected;
  }

  #logOut(): void {
    this.#logOutButton.disabled = true;
    logOut(this.#cable.fetch)
      .catch((error: unknown) => this.#onError(error))
      .finally(() => {
        this.#logOutButton.disabled = false;
      });
  }

  #cut(): void {
    this.#endOutage();
    const positions = new Map(this.#receiver.channels.map((name) => [name, this.#receiver.position(name)]));
    const outage = new Outage(nowMs());
    this.#outage = outage;
    this.#cable.cut();
    // Its own, which stays whole.
    const { WebSocket, fetch } = new Cable({ onLimited: () => this.#composer.limited() });
    this.#witness = new Witness(
      {
        createClient: this.#createClient,
        options: { url: location.origin, WebSocket, fetch, token: tokenOf(this.#issuer, fetch) },
        onSeen: (channel, offset) => outage.miss(channel, offset),
        onError: (error) => this.#onError(error),
      },
      positions,
    );
    this.#witness.play(this.#channels.selected);
    this.#ticker = setInterval(() => this.#showOutage(), OUTAGE_TICK_MS);
    this.#showCut();
  }

  #restore(): void {
    this.#witness?.stop();
    this.#cable.restore();
    this.#showCut();
    // As the browser does when its network returns: who waits for the next try need not wait on.
    dispatchEvent(new Event('online'));
  }

  #showOutage(): void {
    if (this.#outage === undefined) return;
    this.#banner.show(this.#outage.report(nowMs()), this.#cable.isCut);
    if (this.#outage.phase === 'over') this.#endOutage();
  }

  #endOutage(): void {
    clearInterval(this.#ticker);
    this.#witness?.close();
    this.#witness = undefined;
    this.#outage = undefined;
  }

  #showCut(): void {
    const { isCut } = this.#cable;
    document.documentElement.dataset.cable = isCut ? 'cut' : 'whole';
    write(this.#cutButton, isCut ? 'Restore the connection' : 'Cut the connection');
    this.#composer.showCut(isCut);
    for (const name of ['replay', 'too-late']) part(name, HTMLButtonElement).disabled = isCut;
    this.#showOutage();
  }
}
