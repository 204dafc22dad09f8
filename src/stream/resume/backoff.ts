const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 15_000;

/**
 * How long to wait before try number `attempt`, counted from 0: not at all, then 0.5 s doubling to 15 s, each up to a
 * quarter shorter or longer, so that a thousand clients of one ingress that was restarted do not come all at once.
 */
export function pauseBeforeMs(attempt: number, random: () => number = Math.random): number {
  if (attempt === 0) return 0;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10), MAX_PAUSE_MS);
  return pause * (0.75 + random() / 2);
}
