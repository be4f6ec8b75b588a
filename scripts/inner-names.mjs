// Names of properties that the SDK's modules have among themselves: neither public, nor of the protocol, nor of a host. Where it is bundled they are shortened.
// What tabs say to each other is none of them: their code may be of two builds. A test holds them apart from what others see.

const NAMES = `
  answer asked ask attach become busy cacheRestsUntilMs canChange canHeal connected doubt drop echoes emit failed failures forget fresh given gone
  isHidden isRead iterate kick lend listen lost maxChannels order page polled position probe quiet readCache readers recall receive refresh
  refuse remember renew renewed seen serve silent sinceMs skip sleep source spoil stop subscription sync take talk timers touch unseen wake
`;

/** For esbuild's `mangleProps`. */
export const INNER_NAMES = new RegExp(`^(?:${NAMES.trim().split(/\s+/).join('|')})$`);
