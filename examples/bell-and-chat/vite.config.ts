// Passes what the backend answers on to it while you develop.

import { defineConfig } from 'vite';

const backend = 'http://127.0.0.1:3000';

export default defineConfig({
  server: { proxy: { '/push-token': backend, '/notify': backend } },
});
