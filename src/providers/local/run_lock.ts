/**
 * True while another process holds the lock that an agent keeps beside its state file for as long as it lives.
 *
 * Loads nothing: `porthole proxy` asks this when it cannot reach a local run any more.
 */
export async function isHeldByAnother({ state }: { readonly state: string }): Promise<boolean> {
  try {
    using lock = await Deno.open(`${state}.lock`, { read: true, write: true });
    return !await lock.tryLock(true);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
