// Says what to do where the server does not let this page in: how it comes by a token, and where that goes.

import { element, part } from './dom.js';
import type { Issuer } from './token.js';

/** Codes of a client or a subscription that ended for want of a token, or of what a token grants. */
const WANTING = /^(token_|forbidden)/;

const COMMAND = "npx fanfare token --sub me --subscribe 'demo:*' --publish 'demo:*'";

export class TokenHelp {
  readonly #box = part('token-help', HTMLElement);
  readonly #issuer: Issuer;

  constructor(issuer: Issuer) {
    this.#issuer = issuer;
    const what = issuer === 'address' ? 'Another token is needed' : 'This page needs a token';
    this.#box.append(
      element(
        'p',
        {},
        element('b', {}, `${what} that grants demo:*. `),
        'Only a development server signs one for it, and this server has keys of its own. Make one in a terminal that has the same FANFARE_AUTH_SECRET, or have your backend make it:',
      ),
      element('pre', {}, element('code', { 'data-testid': 'token-command' }, COMMAND)),
      element(
        'p',
        {},
        'Then open this page with it: ',
        element('code', {}, `${location.origin}${location.pathname}${location.search}#token=…`),
      ),
    );
  }

  /** The client, or a subscription, has ended with that code. */
  ended(code: string): void {
    if (this.#issuer !== 'server' && WANTING.test(code)) this.#box.hidden = false;
  }

  hide(): void {
    this.#box.hidden = true;
  }
}
