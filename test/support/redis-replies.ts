// Cuts what a Redis server sends into its replies, however the network has cut and joined them.

import { endOfReply } from '../../src/broker/redis/reply-length.js';

const NONE = Buffer.alloc(0);

export class ReplyCutter {
  #rest: Buffer = NONE;

  /** The replies that are whole now, each with all its bytes. */
  take(chunk: Buffer): Buffer[] {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const replies: Buffer[] = [];
    let begin = 0;
    for (let end = endOfReply(bytes, 0); end > 0; end = endOfReply(bytes, end)) {
      replies.push(bytes.subarray(begin, end));
      begin = end;
    }
    this.#rest = bytes.subarray(begin);
    return replies;
  }
}
