import crypto from "node:crypto";

type CreateCipher = (...args: unknown[]) => { update(data: Uint8Array): Uint8Array; final(): Uint8Array };

/**
 * Lets go of every chacha20 cipher after its one `update`.
 *
 * Deno 2.9 frees a `node:crypto` cipher in `final()` alone, and ssh2's chacha20-poly1305, which makes three a packet,
 * never calls it: 30 MB of native memory are lost per GB. chacha20 here has no state worth keeping between updates.
 * Must be imported before "ssh2", which takes the functions out of the module when it loads.
 */
function releaseAfterUpdate(name: "createCipheriv" | "createDecipheriv"): void {
  const module = crypto as unknown as Record<typeof name, CreateCipher>;
  const create = module[name];
  module[name] = (...args) => {
    const cipher = create(...args);
    if (args[0] !== "chacha20") return cipher;
    return {
      update(data) {
        const result = cipher.update(data);
        cipher.final();
        return result;
      },
      final: () => new Uint8Array(0),
    };
  };
}

releaseAfterUpdate("createCipheriv");
releaseAfterUpdate("createDecipheriv");
