// Which of Redis Cluster's 16,384 slots a channel's keys and live channel fall into.

/** CRC-16/XMODEM, as the Redis Cluster specification has it. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** The slot of every key and bus name that has `{channel}` in it. A channel's name is ASCII, without braces. */
export function slotOf(channel: string): number {
  let crc = 0;
  for (let i = 0; i < channel.length; i++) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[((crc >> 8) ^ channel.charCodeAt(i)) & 0xff] ?? 0);
  }
  return crc % 16_384;
}

/** The slot of any key in ASCII: of what stands in its first braces, else of all of it. */
export function slotOfKey(key: string): number {
  const tag = /\{([^}]+)\}/.exec(key)?.[1];
  return slotOf(tag ?? key);
}
