import { iterateEvents } from "../fleet/event_queue.ts";

/** Each host's result as it is done; then what `call` throws, unless every one of `total` hosts has told why by itself. */
export async function* eachResult<R>(
  call: (options: { onResult: (result: R) => Promise<void>; signal: AbortSignal }) => Promise<unknown>,
  { total, signal }: { total: number; signal: AbortSignal },
): AsyncGenerator<R, void> {
  let told = 0;
  try {
    for await (
      const result of iterateEvents<R>(({ push }, signal) => call({ onResult: push, signal }), signal)
    ) {
      told++;
      yield result;
    }
  } catch (error) {
    if (told < total) throw error;
  }
}
