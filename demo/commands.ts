// What to take home, ready to copy: a page of one's own, and commands that publish from elsewhere.

import { part, write } from './dom.js';
import type { Issuer } from './token.js';

const COPIED_MS = 1_600;

export class Commands {
  readonly #blocks: ReadonlyMap<string, HTMLElement>;
  readonly #issuer: Issuer;

  constructor(issuer: Issuer) {
    this.#issuer = issuer;
    const announcer = part('announcer', HTMLElement);
    const names = ['browser', 'curl', 'redis-logged', 'redis-live'];
    this.#blocks = new Map(names.map((name) => [name, part(`command-${name}`, HTMLElement)]));
    for (const [name, block] of this.#blocks) {
      const button = part(`copy-${name}`, HTMLButtonElement);
      let timer: ReturnType<typeof setTimeout> | undefined;
      button.addEventListener('click', async () => {
        clearTimeout(timer);
        const said = (await copy(block)) ? 'Copied' : 'Press Ctrl C';
        write(button, said);
        write(announcer, said);
        timer = setTimeout(() => write(button, 'Copy'), COPIED_MS);
      });
    }
  }

  show(channel: string): void {
    for (const [name, text] of Object.entries(commandsFor(location.origin, channel, this.#issuer))) {
      const block = this.#blocks.get(name);
      if (block !== undefined) write(block, text);
    }
  }
}

/** Channel names hold nothing that a shell or JSON would need quoted, only the braces do. */
function commandsFor(origin: string, channel: string, issuer: Issuer): Readonly<Record<string, string>> {
  const isOpen = issuer === 'server';
  return {
    browser: [
      '<script type="module">',
      `  import { createClient } from '${origin}/sdk.js';`,
      `  const client = createClient({ url: '${origin}'${isOpen ? '' : ", token: '…'"} });`,
      `  const channel = client.subscribe('${channel}', { after: '-1' });`,
      `  channel.on('message', ({ data, offset }) => console.log(offset, data));`,
      `  channel.on('gap', ({ reason }) => console.warn('some are not coming:', reason));`,
      `  await client.publish('${channel}', { text: 'Hello from a page of my own' });`,
      '</script>',
    ].join('\n'),
    curl: [
      isOpen
        ? `TOKEN=$(curl -s ${origin}/demo/token | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`
        : `TOKEN=$(npx fanfare token --sub me --publish ${channel})   # with the server's FANFARE_AUTH_SECRET`,
      `curl ${origin}/v1/publish -H "Authorization: Bearer $TOKEN" \\`,
      `  -H 'Content-Type: application/json' \\`,
      `  -d '{"channel":"${channel}","data":{"text":"Hello from curl"}}'`,
    ].join('\n'),
    'redis-logged': `redis-cli FCALL fanfare_publish 1 ${channel} '{"text":"Hello from redis-cli"}'`,
    'redis-live': `redis-cli PUBLISH 'fanfare:{${channel}}:live' '{"text":"Live only"}'`,
  };
}

/** Where the clipboard is forbidden (plain http on another host), the text is selected instead. */
async function copy(block: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(block.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(block);
    return false;
  }
}
