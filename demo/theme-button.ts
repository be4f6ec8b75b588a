// The button that changes between light and dark; until it is used, the system decides.

import { part } from './dom.js';

const KEY = 'fanfare-demo-theme';

export function setUpThemeButton(): void {
  const button = part('theme', HTMLButtonElement);
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => {
    const { theme } = document.documentElement.dataset;
    return theme === undefined ? system.matches : theme === 'dark';
  };
  const label = () => button.setAttribute('aria-label', `Change to the ${isDark() ? 'light' : 'dark'} theme`);
  button.addEventListener('click', () => {
    const theme = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
    label();
  });
  system.addEventListener('change', label);
  label();
}
