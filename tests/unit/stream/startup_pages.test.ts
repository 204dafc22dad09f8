import assert from "node:assert/strict";
import { programRanges, releaseStartupPages } from "../../../src/stream/startup_pages.ts";

/** As Linux prints it, of a program with its code mapped twice. */
const MAPS = `
55c4127aa000-55c414460000 r--p 00000000 fe:00 2197311                    /opt/port hole/porthole
55c414461000-55c4175c6000 r-xp 01cb6000 fe:00 2197311                    /opt/port hole/porthole
55c4175c6000-55c41777c000 r--p 04e1a000 fe:00 2197311                    /opt/port hole/porthole
55c41777c000-55c4177b6000 rw-p 04fcf000 fe:00 2197311                    /opt/port hole/porthole
55c44770f000-55c44797b000 rw-p 00000000 00:00 0                          [heap]
7fd153dc0000-7fd153fe6000 r-xp 03366000 fe:00 2197311                    /opt/port hole/porthole
7fd16442a000-7fd164580000 r-xp 00026000 fe:00 339380                     /usr/lib/libc.so.6
7fff0a5d0000-7fff0a5f1000 rw-p 00000000 00:00 0
`;

Deno.test("programRanges finds the program's code and constants, and nothing that was relocated or written", () => {
  assert.deepEqual(programRanges(MAPS, "/opt/port hole/porthole"), [
    { address: 0x55c4127aa000n, length: 0x1cb6000n },
    { address: 0x55c414461000n, length: 0x3165000n },
    { address: 0x7fd153dc0000n, length: 0x226000n },
  ]);
  assert.deepEqual(programRanges(MAPS, "/opt/port"), []);
});

Deno.test({
  name: "releaseStartupPages gives memory back, and the program goes on",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const before = fileBytes();
    await releaseStartupPages();
    assert.ok(fileBytes() < before, `${before} before, ${fileBytes()} after`);
  },
});

/** Of what this process has in memory, what files hold as well: RssFile. */
function fileBytes(): number {
  const [, kib] = /^RssFile:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return Number(kib) * 1024;
}
