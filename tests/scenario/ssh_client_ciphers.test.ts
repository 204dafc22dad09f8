import { connectSsh } from "../../src/ssh/client/connect.ts";
import { generateEd25519 } from "../../src/ssh/keys/generate.ts";
import { releaseCiphers, Server, toDuplex } from "../../src/ssh/ssh2_adapter.ts";
import { createMemoryPair } from "../../src/stream/memory.ts";

// What is not let go of is a resource that the runner's sanitizer names: "cryptoCipher" and "cryptoDecipher".
Deno.test("connectSsh lets go of the AES-CTR ciphers of its connections, which the runtime would keep for ever", async () => {
  const { privateKey } = await generateEd25519();
  const serverGone = Promise.withResolvers<void>();
  const server = new Server({ hostKeys: [privateKey], algorithms: { cipher: ["aes256-ctr"] } }, (client) => {
    releaseCiphers(client);
    client.on("error", () => {});
    client.on("close", serverGone.resolve);
    client.on("authentication", (auth) => auth.accept());
  });
  const connection = await connectSsh({
    dial: () => {
      const [near, far] = createMemoryPair();
      server.injectSocket(toDuplex(far) as never);
      return Promise.resolve(near);
    },
    host: "it",
    user: "me",
    credentials: {},
    verifyHostKey: () => {},
    connectTimeoutMs: 10_000,
  });
  await connection.close();
  await serverGone.promise;
});
