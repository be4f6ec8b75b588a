// What a channel holds, for a page that goes on from there: node history.mjs <URL of a node> <channel> <last>
const [base, channel, last] = process.argv.slice(2);

/** The last messages, JSON as it was published, and the offset behind them: what a browser subscribes `after`. The key has the right to read. */
async function history() {
  const answer = await fetch(`${base}/v1/channels/${encodeURIComponent(channel)}?last=${last}`, {
    headers: { Authorization: `Bearer ${process.env.FANFARE_PUBLISH_KEY}` },
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`${channel}: ${answer.status} ${await answer.text()}`);
  return { messages: await answer.text(), after: answer.headers.get('Stream-Next-Offset') };
}

const { messages, after } = await history();
console.log(`{"messages":${messages},"after":"${after}"}`);
