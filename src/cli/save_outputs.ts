import { join } from "node:path";
import { describeLocalFault } from "../fleet/local_fault.ts";
import { hostFileName, type OutputName } from "../fleet/output_store.ts";

/** Writes the outputs of hosts into folders, a file a host, as they come. */
export interface OutputFiles extends Disposable {
  /** True when this output goes to a file: then it is not shown as well. */
  takes(name: OutputName): boolean;
  write(host: string, name: OutputName, bytes: Uint8Array): Promise<void>;
  /** Closes the files of a host; one that said nothing has empty ones. */
  end(host: string): Promise<void>;
}

/** @returns files in the folders that were given, which are made if need be. */
export async function saveOutputs(folders: Partial<Record<OutputName, string | undefined>>): Promise<OutputFiles> {
  const open = new Map<string, Deno.FsFile>();
  for (const folder of Object.values(folders)) {
    if (folder) await writing(folder, Deno.mkdir(folder, { recursive: true }));
  }
  const fileOf = async (host: string, name: OutputName, folder: string): Promise<Deno.FsFile> => {
    const key = `${name} ${host}`;
    const path = join(folder, hostFileName(host));
    const file = open.get(key) ?? await writing(path, Deno.create(path));
    open.set(key, file);
    return file;
  };
  const names: readonly OutputName[] = ["stdout", "stderr"];
  return {
    takes: (name) => folders[name] !== undefined,
    async write(host, name, bytes) {
      const folder = folders[name];
      if (folder === undefined) return;
      const file = await fileOf(host, name, folder);
      for (let at = 0; at < bytes.length;) at += await writing(folder, file.write(bytes.subarray(at)));
    },
    async end(host) {
      for (const name of names) {
        const folder = folders[name];
        if (folder === undefined) continue;
        (await fileOf(host, name, folder)).close();
        open.delete(`${name} ${host}`);
      }
    },
    [Symbol.dispose]() {
      for (const file of open.values()) file.close();
      open.clear();
    },
  };
}

function writing<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw describeLocalFault(error, { verb: "write", path });
  });
}
