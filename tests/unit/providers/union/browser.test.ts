import assert from "node:assert/strict";
import { browserCommands } from "../../../../src/providers/union/auth/browser.ts";

const URL = "https://login.example.com/?a=1&b=2";

Deno.test("browserCommands follows BROWSER, %s or not, one after another", () => {
  assert.deepEqual(browserCommands(URL, { BROWSER: "firefox --new-tab %s:w3m" }, "linux"), [
    ["firefox", "--new-tab", URL],
    ["w3m", URL],
  ]);
});

Deno.test("browserCommands hands the address to no shell", () => {
  assert.deepEqual(browserCommands(URL, {}, "windows"), [["rundll32", "url.dll,FileProtocolHandler", URL]]);
  assert.deepEqual(browserCommands(URL, {}, "darwin"), [["open", URL]]);
});

Deno.test("browserCommands has none where there is no desktop", () => {
  assert.deepEqual(browserCommands(URL, {}, "linux"), []);
  assert.equal(browserCommands(URL, { DISPLAY: ":0" }, "linux")[0]?.[0], "xdg-open");
});
