// What goes to the kernel past the queue of node:net, and what does not.

import { readSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { chunkOf } from '../../../src/node/engines/ws/chunk.js';
import { takenAtOnce, writeDirectly } from '../../../src/node/engines/ws/direct-write.js';

const opened: { destroy(): void }[] = [];

/** What is ours does not read: it misses its peer only where it writes. */
async function pair(): Promise<{ ours: Socket; peer: Socket; heard: Buffer[] }> {
  const server = createServer({ noDelay: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const { port } = server.address() as { port: number };
  const peer = connect(port, '127.0.0.1');
  const ours = await accepted;
  server.close();
  const heard: Buffer[] = [];
  peer.on('data', (data) => heard.push(data));
  for (const socket of [ours, peer]) {
    socket.on('error', () => {});
    opened.push(socket);
  }
  return { ours, peer, heard };
}

const until = async (socket: Socket, isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => socket.once('data', resolve));
};
/** What has come, at once. */
function readNow(peer: Socket, most: number): Buffer {
  const { fd } = (peer as unknown as { _handle: { fd: number } })._handle;
  const read = Buffer.alloc(most);
  return read.subarray(0, readSync(fd, read));
}
const bytesOf = (heard: readonly Buffer[]) => heard.reduce((sum, { length }) => sum + length, 0);

afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

describe('a direct write', () => {
  it('reaches the kernel before it returns', async () => {
    const { ours, peer, heard } = await pair();
    const write = vi.spyOn(ours, 'write');
    expect(takenAtOnce(ours, Buffer.from('one'))).toBe(3);
    writeDirectly(ours, Buffer.from('two'));
    expect(write).not.toHaveBeenCalled();
    await until(peer, () => bytesOf(heard) === 6);
    expect(Buffer.concat(heard).toString()).toBe('onetwo');
  });

  it('has what the kernel does not take follow in order', async () => {
    const { ours, peer, heard } = await pair();
    peer.pause();
    const sent: Buffer[] = [];
    // A prime, so that a block ends in the middle of what the kernel has room for.
    const block = () => Buffer.alloc(99_991, sent.length);
    for (let more = 5; more > 0; more -= ours.writableLength > 0 ? 1 : 0) {
      const bytes = block();
      sent.push(bytes);
      writeDirectly(ours, bytes);
    }
    const total = bytesOf(sent);
    expect(ours.writableLength).toBeLessThan(total);
    // The kernel has room again before the socket has heard of it.
    heard.push(readNow(peer, 1_000_000));
    expect(takenAtOnce(ours, Buffer.from('not before what waits'))).toBe(0);
    peer.resume();
    await until(peer, () => bytesOf(heard) === total);
    expect(Buffer.concat(heard).equals(Buffer.concat(sent))).toBe(true);
    const end = Buffer.from('end');
    expect(takenAtOnce(ours, end)).toBe(end.length);
  });

  it('is none where the socket is corked, has ended or has gone', async () => {
    const { ours, peer, heard } = await pair();
    ours.cork();
    expect(takenAtOnce(ours, Buffer.from('never'))).toBe(0);
    writeDirectly(ours, Buffer.from('corked'));
    ours.uncork();
    await until(peer, () => bytesOf(heard) === 6);
    expect(Buffer.concat(heard).toString()).toBe('corked');
    const other = await pair();
    other.ours.end();
    expect(takenAtOnce(other.ours, Buffer.from('never'))).toBe(0);
    ours.destroy();
    expect(takenAtOnce(ours, Buffer.from('never'))).toBe(0);
  });

  it('never reaches another socket that has the descriptor of one which was written to and is gone', async () => {
    const { ours } = await pair();
    expect(takenAtOnce(ours, Buffer.from('mine'))).toBe(4);
    const { fd } = (ours as unknown as { _handle: { fd: number } })._handle;
    ours.destroy();
    await new Promise((resolve) => ours.once('close', resolve));
    const others = await Promise.all([pair(), pair(), pair()]);
    const descriptors = others.flatMap(({ ours, peer }) =>
      [ours, peer].map((socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd),
    );
    expect(descriptors).toContain(fd);
    expect(takenAtOnce(ours, Buffer.from('of another'))).toBe(0);
    for (const { ours } of others) expect(takenAtOnce(ours, Buffer.from('end'))).toBe(3);
    for (const { peer, heard } of others) await until(peer, () => bytesOf(heard) >= 3);
    expect(others.map(({ heard }) => Buffer.concat(heard).toString())).toEqual(['end', 'end', 'end']);
  });

  it('looks up the descriptor of each handle once, and of another one anew', () => {
    const looks: number[] = [];
    const handle = (fd: number) => ({
      get fd() {
        looks.push(fd);
        return fd;
      },
    });
    const made = { writableLength: 0, writableCorked: 0, writableEnded: false, _handle: handle(-1) };
    for (let n = 0; n < 2; n++) takenAtOnce(made as unknown as Socket, Buffer.from('never'));
    made._handle = handle(-2);
    takenAtOnce(made as unknown as Socket, Buffer.from('never'));
    expect(looks).toEqual([-1, -2]);
  });

  it('is none where a peer has gone that the socket has not missed yet: that is told as ever', async () => {
    const { ours, peer } = await pair();
    const failed = new Promise((resolve) => ours.once('close', resolve));
    const gone = new Promise((resolve) => peer.once('close', resolve));
    peer.resetAndDestroy();
    await gone;
    expect(takenAtOnce(ours, Buffer.from('never'))).toBe(0);
    writeDirectly(ours, Buffer.from('never'));
    expect(await failed).toBe(true);
  });

  it('is none below TLS', async () => {
    const { ours, heard } = await pair();
    const secured = new TLSSocket(ours, { isServer: true });
    opened.push(secured);
    expect(takenAtOnce(secured, Buffer.from('in the clear'))).toBe(0);
    expect(heard).toEqual([]);
  });

  it('is none on a socket of another make', () => {
    const made = { writableLength: 0, writableCorked: 0, writableEnded: false } as Socket;
    expect(takenAtOnce(made, Buffer.from('never'))).toBe(0);
    expect(takenAtOnce({ ...made, _handle: { fd: -1 } } as unknown as Socket, Buffer.from('never'))).toBe(0);
  });
});

describe('a chunk', () => {
  it('has its length in hexadecimal before it, in bytes', () => {
    expect(chunkOf(Buffer.from('größe')).toString()).toBe('7\r\ngröße\r\n');
    expect(chunkOf(Buffer.alloc(300, 'x')).subarray(0, 5).toString()).toBe('12c\r\n');
  });

  it('is encoded once for all that it is written to', () => {
    const [one, other] = [Buffer.from('same'), Buffer.from('same')];
    expect(chunkOf(one)).toBe(chunkOf(one));
    expect(chunkOf(other)).not.toBe(chunkOf(one));
  });
});
