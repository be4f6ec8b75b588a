// Puts the theme that was chosen on an earlier visit in place before the page is drawn.

const chosen = (() => {
  try {
    return localStorage.getItem('fanfare-demo-theme');
  } catch {
    // Storage may be forbidden; the system's theme serves.
    return null;
  }
})();
if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
