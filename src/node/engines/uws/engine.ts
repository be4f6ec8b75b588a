// The fast engine: uWebSockets.js, where it is installed and loads.

import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket, us_socket_context_t } from 'uWebSockets.js';
import { HeaderList } from '../../../http/header-list.js';
import { FanfareError } from '../../../lib/errors.js';
import type { Engine, EngineHandlers, EngineOptions, UpgradeRequest } from '../engine.js';
import { guarded } from '../guard.js';
import { Handshakes } from '../handshakes.js';
import { addressInUse } from '../listen-error.js';
import { asksForWebSocket, decideUpgrade, handshakeProblem, headProblem } from '../refusal.js';
import { addressOf, type RequestHead, UwsExchange } from './exchange.js';
import { nativeFaults } from './native-faults.js';
import { type Link, socketBehavior, UwsSocket, UwsSockets } from './socket.js';
import { SocketCount } from './socket-count.js';

type Uws = typeof import('uWebSockets.js');
/** A form of `listen` that its types leave out. */
interface ExclusiveListener {
  listen(host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void): unknown;
}

/** uWebSockets.js' own cap is 4 KiB, and holds only for headers that come in several segments: ours is the cap. */
const ADDON_HEADER_BYTES = '16384';
const EXCLUSIVE_PORT = 1;

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
  #app: TemplatedApp | undefined;
  #sockets: UwsSockets | undefined;
  #listenSocket: us_listen_socket | undefined;

  constructor(uws: Uws) {
    this.#uws = uws;
  }

  async listen(options: EngineOptions, handlers: EngineHandlers): Promise<{ readonly port: number }> {
    if (this.#app !== undefined) throw new TypeError('an engine listens once');
    const app = this.#uws.App();
    this.#app = app;
    const handshakes = new Handshakes(options.handshakes);
    const sockets = new UwsSockets(handlers, options, new SocketCount(options.maxSockets), handshakes);
    this.#sockets = sockets;
    app.filter((res, change) => guarded(() => countSocket(res, Number(change), sockets), sockets.fail));
    app.ws<Link>('/*', {
      ...socketBehavior(options),
      upgrade: (res, req, context) => orClosed(res, sockets, () => upgrade(res, req, context, sockets)),
    });
    app.any('/*', (res, req) => orClosed(res, sockets, () => request(res, readHead(req), sockets)));
    const listenSocket = await new Promise<us_listen_socket | false>((resolve) => {
      (app as unknown as ExclusiveListener).listen(options.host, options.port, EXCLUSIVE_PORT, resolve);
    });
    if (listenSocket === false) throw await addressInUse(options.host, options.port);
    this.#listenSocket = listenSocket;
    return { port: this.#uws.us_socket_local_port(listenSocket) };
  }

  publish(topic: string, frame: Buffer): void {
    this.#sockets?.cutSlow();
    this.#app?.publish(topic, frame, false, false);
  }

  stopListening(): void {
    if (this.#listenSocket === undefined) return;
    this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = undefined;
  }

  async close(): Promise<void> {
    this.stopListening();
    const app = this.#app;
    this.#app = undefined;
    app?.close();
  }
}

/**
 * Hears of each socket that has come, and of each that has gone without having become a WebSocket; those are counted down where
 * they close. Of one that has gone it is not told which it was: its handshake counts until it has become too old.
 */
function countSocket(res: HttpResponse, change: number, { count, handshakes }: UwsSockets): void {
  if (change < 0) count.gone();
  else if (!count.came() || handshakes.begin(addressOf(res)) === undefined) res.close();
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
  if (/^[A-Z-]+$/.test(method)) return undefined;
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
function upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t, sockets: UwsSockets): void {
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
      { link: new UwsSocket(decision.handler, sockets, asked.remoteAddress) },
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
