// What each runtime goes through with the packed SDK: connect, publish, hear it, go away, come back to where it was.

const MESSAGES = 3;

/** Resolves with `{ transport: milliseconds }`; rejects with what did not hold. */
export async function play({ createClient, url, runtime, ...options }) {
  const took = {};
  for (const transport of ['websocket', 'sse', 'long-poll', 'short-poll']) {
    const beganMs = performance.now();
    await goThrough({ createClient, url, page: runtime, channel: `demo:${runtime}-${transport}`, transport, options });
    took[transport] = Math.round(performance.now() - beganMs);
  }
  return took;
}

async function goThrough({ createClient, url, page, channel, transport, options }) {
  const token = async ({ signal }) => {
    const response = await fetch(`${url}/demo/token?page=${page}`, { signal });
    if (!response.ok) throw new Error(`no token: ${response.status}`);
    return (await response.json()).token;
  };
  const client = createClient({ url, token, transports: [transport], ...options });
  const heard = [];
  const first = client.subscribe(channel, { after: '-1' });
  for (let n = 1; n <= MESSAGES; n++) await client.publish(channel, { n });
  for await (const { data } of first) if (heard.push(data.n) === MESSAGES) break;
  expectNumbers(transport, heard, 1);
  if (client.state.transport !== transport) throw new Error(`connected by ${client.state.transport}, not ${transport}`);
  const { offset } = first;
  client.close();

  const back = createClient({ url, token, transports: [transport], ...options });
  await back.publish(channel, { n: MESSAGES + 1 });
  for await (const { data } of back.subscribe(channel, { after: offset })) {
    expectNumbers(transport, [data.n], MESSAGES + 1);
    break;
  }
  back.close();
}

function expectNumbers(transport, heard, from) {
  const isRight = heard.every((n, index) => n === from + index);
  if (!isRight) throw new Error(`over ${transport} it heard ${JSON.stringify(heard)}, asked from ${from} on`);
}
