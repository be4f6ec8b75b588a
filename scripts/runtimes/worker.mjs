// Runs in workerd: the scenario while a request is under way, as nothing may be opened outside of one there.

import { createClient } from 'fanfare-client';
import { play } from './scenario.mjs';

export default {
  async fetch(request, { URL: url }) {
    try {
      return Response.json(
        await play({ createClient, url, runtime: new globalThis.URL(request.url).hostname.slice(0, 7) }),
      );
    } catch (error) {
      return new Response(String(error?.stack ?? error), { status: 500 });
    }
  },
};
