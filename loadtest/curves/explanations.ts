// Why curves are as they are: what stands below their tables. The figures themselves are in the tables alone.

const MEMORY = `It does not grow with their number; beside few of them the steps still show in which tables and spaces grow. What a server keeps of the first thousand,
as code and connections to Redis, is not in it.`;

/** By the curve's name. */
export const EXPLANATIONS: Readonly<Record<string, string>> = {
  channels: `A channel is found by one look in a table, whatever their number, and nothing is walked. What grows is the way to memory: of a channel that has
not been published on for a while nothing is left in the processor's caches, neither here nor in the kernel nor in Redis, and each delivery fetches its
channel, its link and its socket again. The bare loop pays the same as far as its links go; it has no more channels than links.`,
  subscribers: `A message is read, checked and framed once, whatever the number of subscribers, and the kernel is handed a burst as one write for each link.
With few of them each carries a large part of that; from some hundreds on it is lost in what a write costs. With many thousands the kernel's sockets
fit the processor's caches no more, and the bare loop pays that too; \`ws\`, which writes a burst as one piece that is framed once, pays it once a burst.`,
  'subscribers-message': `What a message takes beside its deliveries is the value for the first subscriber; each further one adds its delivery.`,
  history: `Flat: of what a channel keeps, a delivery touches the newest alone.`,
  'history-redis': `Flat: Redis appends to the end of the log and drops from its beginning, whatever lies between. A live message is not kept at all.`,
  nodes: `Each node reads, checks and frames each message, and shares that among its own subscribers: with as many in all, what grows with each node is that
reading, and it is small where a node has thousands of links. All nodes share one processor and its caches here, which a fleet does not.`,
  'nodes-redis': `Redis sends each message once to each node that follows its channel, and none to the others.`,
  'memory-link': MEMORY,
  'memory-own': `${MEMORY} More than with a shared channel, since each link comes with a channel: its name, its subscription at Redis, its position.`,
  'memory-channel': `${MEMORY} Nothing of what passes is kept for a channel that one link follows: the log has it.`,
  'memory-poll': `${MEMORY} On \`ws\` a waiting poll is a request and an answer of \`node:http\` with a socket of \`node:net\`, which take most of it.`,
  'memory-stream': `${MEMORY} On \`ws\` it is \`node:http\`'s objects again.`,
};
