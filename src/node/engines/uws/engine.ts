// The fast engine: uWebSockets.js, where it is installed and loads.

import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { Handshakes } from '../../../http/handshakes.js';
import { HeaderList } from '../../../http/header-list.js';
import { FanfareError } from '../../../lib/errors.js';
import type { TlsPair, TlsProblem } from '../../../lib/tls-pair.js';
import type { Engine, EngineHandlers, EngineOptions, UpgradeRequest } from '../engine.js';
import { guarded } from '../guard.js';
import { addressInUse } from '../listen-error.js';
import { asksForWebSocket, decideUpgrade, handshakeProblem, headProblem } from '../refusal.js';
import { UwsApp } from './app.js';
import { addressOf, type RequestHead, UwsExchange } from './exchange.js';
import { nativeFaults } from './native-faults.js';
import { unfitPair } from './pem-files.js';
import { type Link, socketBehavior, UwsSocket, UwsSockets } from './socket.js';
import { SocketCount } from './socket-count.js';

type Uws = typeof import('uWebSockets.js');
/** uWebSockets.js' own cap is 4 KiB, and holds only for headers that come in several segments: ours is the cap. */
const ADDON_HEADER_BYTES = '16384';

/** Loads uWebSockets.js. Rejects when it is not installed, or not built for this Node or C library. */
export async function createUwsEngine(): Promise<Engine> {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= ADDON_HEADER_BYTES;
  try {
    const uws = (await import('uWebSockets.js')).default;
    return new UwsEngine(uws);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new Error(`the engine "uws" needs uWebSockets.js, which does not load: ${reason}`, { cause });
  }
}

/** What the installed build gets wrong of HTTP, in words for the log. Rejects as {@link createUwsEngine} does. */
export async function uwsFaults(): Promise<readonly string[]> {
  return nativeFaults((await import('uWebSockets.js')).default);
}

class UwsEngine implements Engine {
  readonly name = 'uws';
  readonly #uws: Uws;
  /** The one that listens. */
  #app: UwsApp | undefined;
  /** Those that have the links that came under an earlier certificate. */
  #earlier: UwsApp[] = [];
  #sockets: UwsSockets | undefined;
  #host = '';
  #port = 0;

  constructor(uws: Uws) {
    this.#uws = uws;
  }

  async listen(options: EngineOptions, handlers: EngineHandlers): Promise<{ readonly port: number }> {
    if (this.#app !== undefined) throw new TypeError('an engine listens once');
    const handshakes = new Handshakes(options.handshakes);
    const sockets = new UwsSockets(handlers, options, new SocketCount(options.maxSockets), handshakes);
    const app = this.#serving(sockets, options.tls);
    this.#app = app;
    this.#sockets = sockets;
    this.#host = options.host;
    const port = app.listenAlone(options.host, options.port);
    if (port === undefined) throw await addressInUse(options.host, options.port);
    this.#port = port;
    // Who may renew its certificate listens with two apps for a moment.
    if (options.tls !== undefined && !app.listenBeside(options.host, port)) {
      throw await addressInUse(options.host, port);
    }
    return { port };
  }

  tlsProblem(tls: TlsPair): TlsProblem | undefined {
    return unfitPair(this.#uws, tls);
  }

  /**
   * uWebSockets.js reads a certificate once for an app. One by server names could be replaced, but a request that comes later on an
   * open connection would be routed by what has been let go, and who asks for no name would be shown the first certificate for ever.
   */
  renewTls(tls: TlsPair): void {
    const [before, sockets] = [this.#app, this.#sockets];
    if (before === undefined || sockets?.options.tls === undefined || !before.isListening) return;
    const app = this.#serving(sockets, tls);
    if (!app.listenBeside(this.#host, this.#port)) {
      app.close();
      throw new Error(`cannot listen on ${this.#host}:${this.#port} once more`);
    }
    this.#app = app;
    this.#earlier.push(before);
    before.retire(() => {
      this.#earlier = this.#earlier.filter((earlier) => earlier !== before);
    });
  }

  publish(topic: string, frame: Buffer): void {
    this.#sockets?.outbox.flush();
    this.#sockets?.cutSlow();
    this.#app?.publish(topic, frame);
    for (const app of this.#earlier) app.publish(topic, frame);
  }

  stopListening(): void {
    this.#app?.stopListening();
  }

  async close(): Promise<void> {
    this.#sockets?.outbox.flush();
    const apps = [this.#app, ...this.#earlier];
    this.#app = undefined;
    this.#earlier = [];
    for (const app of apps) app?.close();
  }

  #serving(sockets: UwsSockets, tls: TlsPair | undefined): UwsApp {
    const app = new UwsApp(this.#uws, tls);
    app.native.filter((res, change) => guarded(() => countSocket(res, Number(change), sockets, app), sockets.fail));
    app.native.ws<Link>('/*', {
      ...socketBehavior(sockets.options),
      upgrade: (res, req, context) => orClosed(res, sockets, () => upgrade(res, req, context, sockets, app)),
    });
    app.native.any('/*', (res, req) => orClosed(res, sockets, () => request(res, readHead(req), sockets)));
    return app;
  }
}

/**
 * Hears of each socket that has come, and of each that has gone without having become a WebSocket; those are counted down where
 * they close. Of one that has gone it is not told which it was: its handshake counts until it has become too old.
 */
function countSocket(res: HttpResponse, change: number, { count, handshakes }: UwsSockets, app: UwsApp): void {
  if (change < 0) {
    count.gone();
    app.left();
    return;
  }
  app.came();
  if (!count.came() || handshakes.begin(addressOf(res)) === undefined) res.close();
}

/** What an exchange cannot be made of is closed: a throw in one of these callbacks would end the process. */
function orClosed(res: HttpResponse, sockets: UwsSockets, serve: () => void): void {
  guarded(serve, (error) => {
    sockets.fail(error);
    guarded(() => res.close(), sockets.fail);
  });
}

/** Copies what a request says: uWebSockets.js takes it back at the first `await`. */
function readHead(req: HttpRequest): RequestHead {
  const headers = new HeaderList();
  req.forEach((name, value) => {
    headers.add(name, value);
  });
  return {
    method: req.getCaseSensitiveMethod(),
    path: req.getUrl(),
    query: req.getQuery() ?? '',
    headers,
  };
}

function urlBytes(head: RequestHead): number {
  return head.path.length + (head.query === '' ? 0 : head.query.length + 1);
}

/** uWebSockets.js takes anything for a method, also nothing. */
function methodProblem(method: string): FanfareError | undefined {
  // As nearly all of them, and quicker than the pattern.
  if (method === 'POST' || method === 'GET' || /^[A-Z-]+$/.test(method)) return undefined;
  return new FanfareError('bad_request', 'the method is not one of HTTP');
}

/** Every request passes here: it is always answered, whatever the node does, unless another one came before that. */
function request(res: HttpResponse, head: RequestHead, sockets: UwsSockets): void {
  const exchange = new UwsExchange(res, head, sockets);
  const problem =
    methodProblem(head.method) ??
    headProblem(urlBytes(head), head.headers, sockets.options) ??
    (asksForWebSocket(head.headers) ? handshakeProblem(head.method, head.headers) : undefined);
  const serve = (): void => {
    if (exchange.aborted) return;
    if (problem !== undefined) exchange.refuse(problem);
    else guarded(() => sockets.handlers.request(exchange), exchange.fail);
  };
  sockets.turn.add(() => orClosed(res, sockets, serve));
}

/** uWebSockets.js comes here for a GET with a key of the right length, whatever else it says. */
function upgrade(
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
  sockets: UwsSockets,
  app: UwsApp,
): void {
  const head = readHead(req);
  const problem = headProblem(urlBytes(head), head.headers, sockets.options);
  if (problem !== undefined || !asksForWebSocket(head.headers) || handshakeProblem(head.method, head.headers)) {
    request(res, head, sockets);
    return;
  }
  const asked: UpgradeRequest = {
    path: head.path,
    query: head.query,
    remoteAddress: addressOf(res),
    header: (name) => head.headers.get(name),
  };
  const decision = decideUpgrade(asked, sockets.handlers);
  if (decision.accept) {
    const key = head.headers.get('sec-websocket-key') ?? '';
    sockets.handshakes.renew(asked.remoteAddress);
    res.upgrade(
      { link: new UwsSocket(decision.handler, sockets, asked.remoteAddress, app) },
      key,
      decision.protocol ?? '',
      '',
      context,
    );
    return;
  }
  const exchange = new UwsExchange(res, head, sockets);
  const { status, headers, body } = decision;
  sockets.turn.add(() => orClosed(res, sockets, () => exchange.respond(status, headers, body)));
}
