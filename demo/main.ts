// Starts the page: loads the SDK as any page would, and says so if that fails.

import { part } from './dom.js';
import { Page } from './page.js';
import { setUpThemeButton } from './theme-button.js';
import { findIssuer } from './token.js';

setUpThemeButton();

try {
  const { createClient } = await import('/sdk.js');
  new Page(createClient, await findIssuer());
} catch (error) {
  console.error(error);
  document.documentElement.dataset.state = 'failed';
  part('state-title', HTMLElement).textContent = 'The page could not start';
  part('state-detail', HTMLElement).textContent =
    'The SDK at /sdk.js did not load. In a fresh clone: npm run build, then start again. Else the console knows more.';
  for (const control of document.querySelectorAll('main button, main input')) control.setAttribute('disabled', '');
}
