/** A TCP port where something says an SSH version and no more: all that a probe of a route needs. */
export interface SshBanner extends AsyncDisposable {
  readonly port: number;
}

/** Starts it on the loopback address. Disposing it ends its connections. */
export function startSshBanner(): SshBanner {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const serving = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      void greet(connection).finally(() => open.delete(connection));
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) connection.close();
      await serving.catch(() => {/* closed above */});
    },
  };
}

/** Says the version and reads until the other end leaves. */
async function greet(connection: Deno.TcpConn): Promise<void> {
  try {
    await connection.write(new TextEncoder().encode("SSH-2.0-banner\r\n"));
    const buffer = new Uint8Array(4096);
    while (await connection.read(buffer) !== null);
    connection.close();
  } catch {
    // Reset, or closed by the test's end: either way it is over.
  }
}
