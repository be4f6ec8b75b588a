// The body of a `Request` that nobody has read yet: it is read once somebody asks for it, and never for a path that wants none.

/** Calls `read` when the body is first asked for; what that rejects with is what its reader is thrown. */
function lazyBody(read: () => Promise<Buffer>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        controller.enqueue(await read());
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** A `Request` with such a body. Throws `TypeError` for what is none. */
export function lazyRequest(
  url: string,
  init: Omit<RequestInit, 'body'>,
  read: (() => Promise<Buffer>) | undefined,
): Request {
  if (read === undefined) return new Request(url, init);
  // Browsers' types do not know `duplex`, which Node needs for a body that is a stream.
  const streaming: RequestInit & { readonly duplex: 'half' } = { ...init, body: lazyBody(read), duplex: 'half' };
  return new Request(url, streaming);
}
