// A browser opens a page of the application, which loads the SDK and hears a message over TLS; it trusts the certificate of the stage alone.

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { signToken } from '../../../src/auth/token-signer.js';
import { launchChromium } from '../../support/chromium.js';

const PAGE = 'https://app.example.com';
const SERVER = 'https://push.example.com';
const SDK = '/opt/fanfare/node_modules/fanfare/dist/sdk.js';
const secret = (name: string) => readFileSync(`/etc/fanfare/${name}`, 'utf8').trim();

const { publicKey } = new X509Certificate(readFileSync('/etc/ssl/push.pem'));
const pin = createHash('sha256')
  .update(publicKey.export({ type: 'spki', format: 'der' }))
  .digest('base64');
const token = await signToken({
  secret: secret('auth'),
  subject: 'browser',
  grants: { subscribe: ['greetings'], publish: [] },
  lifetimeMs: 3_600_000,
});

const browser = await launchChromium({ args: [`--ignore-certificate-errors-spki-list=${pin}`] });
const context = await browser.newContext();
// That a page of the outside may ask for an address of this machine is asked of nobody who has the server elsewhere.
await context.grantPermissions(['local-network-access'], { origin: PAGE });
const page = await context.newPage();
page.on('console', (message) => console.log(`browser: ${message.text()}`));
await page.route(`${PAGE}/**`, (route) =>
  new URL(route.request().url()).pathname === '/sdk.js'
    ? route.fulfill({ path: SDK, contentType: 'text/javascript' })
    : route.fulfill({ body: '<!doctype html><title>application</title>', contentType: 'text/html' }),
);
await page.goto(PAGE);
const heard = page.evaluate(
  async ({ url, token }) => {
    const { createClient } = (await import(`${'/sdk.js'}`)) as typeof import('../../../client-sdk/index.js');
    const client = createClient({ url, token });
    const message = new Promise((resolve) => {
      client.subscribe('greetings', { after: '-1' }, ({ data }) => resolve(data));
    });
    const { transport } = await client.ready();
    document.title = transport;
    return message;
  },
  { url: SERVER, token },
);
await page.waitForFunction(() => document.title !== 'application');
const headers = { Authorization: `Bearer ${secret('publish')}`, 'Content-Type': 'application/json' };
const body = JSON.stringify({ channel: 'greetings', data: { to: 'the browser' } });
await fetch(`${SERVER}/n/2/v1/publish`, { method: 'POST', headers, body });
console.log(`result browser ${await page.title()} ${JSON.stringify(await heard)}`);
await browser.close();
