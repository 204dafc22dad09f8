import assert from "node:assert/strict";
import { join } from "node:path";
import { portholeHome } from "../../../src/base/home.ts";

Deno.test("portholeHome is absolute, also where PORTHOLE_HOME is not", () => {
  assert.equal(portholeHome({ PORTHOLE_HOME: "/srv/me" }), "/srv/me");
  assert.equal(portholeHome({ PORTHOLE_HOME: "C:\\me" }), "C:\\me");
  assert.equal(join(portholeHome({ PORTHOLE_HOME: "mine" })), join(Deno.cwd(), "mine"));
  assert.equal(portholeHome({ PORTHOLE_HOME: "", HOME: "/home/me" }), "/home/me/.porthole");
});
