/** Does `work` on every item, `limit` of them at once; after one failed no other is started, and its error is thrown. */
export async function runAtMost<T>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const shared = items.values();
  let hasFailed = false;
  const worker = async () => {
    for (const item of shared) {
      if (hasFailed) return;
      try {
        await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const done = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker));
  const failure = done.find((one) => one.status === "rejected");
  if (failure) throw failure.reason;
}
