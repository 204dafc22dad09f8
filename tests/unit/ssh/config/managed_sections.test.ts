import assert from "node:assert/strict";
import { editSections, findSections, INCLUDE_SECTION } from "../../../../src/ssh/config/managed_sections.ts";

const BLOCK = "Host demo\n    User root\n";
const upsert = (name: string, text = BLOCK) => ({ upsert: [{ name, text }] });

/** Configurations whose every byte must survive. */
const WEIRD = {
  "an empty file": "",
  "a newline alone": "\n",
  "no last newline": "Host a\n  User b",
  "CRLF": "Host a\r\n  User b\r\n",
  "CRLF without a last newline": "Host a\r\n  User b",
  "mixed line ends": "Host a\r\n  User b\nHost c\r\n",
  "options before the first host": "User me\nServerAliveInterval 5\nHost *\n  User you\n",
  "a byte order mark": "\ufeffHost a\n",
  "bytes of no encoding": "# \u00ff\u00fe\u0000\u0080\nHost a\n",
  "a lone carriage return": "Host a\r  User b\r",
  "trailing blank lines": "Host a\n\n\n\n",
  "comments that speak of porthole": "# porthole is nice\n#>> porthole\n# >>> starship >>>\nHost a\n",
};

for (const [title, text] of Object.entries(WEIRD)) {
  Deno.test(`editSections leaves ${title} byte for byte after a section was put in and taken out`, () => {
    const once = editSections(text, upsert("demo"), "config").text;
    assert.notEqual(once, text);
    const twice = editSections(
      once,
      { upsert: [{ name: "b.2", text: BLOCK }, { name: INCLUDE_SECTION, text: "Include x\n" }] },
      "config",
    ).text;
    assert.equal(findSections(twice, "config").length, 3);
    const changed = editSections(twice, upsert("demo", "Host demo\n    User other\n    Port 7\n"), "config").text;
    assert.equal(editSections(changed, { remove: ["demo", "b.2", INCLUDE_SECTION] }, "config").text, text);
    const { text: oneLeft } = editSections(changed, { remove: ["demo", INCLUDE_SECTION] }, "config");
    assert.deepEqual(findSections(oneLeft, "config").map(({ name }) => name), ["b.2"]);
    assert.equal(editSections(oneLeft, { remove: ["b.2", "never-there"] }, "config").text, text);
  });
}

Deno.test("editSections writes the section at the top and ends it with Host *", () => {
  const { text } = editSections("User me\nHost a\n", upsert("demo"), "config");
  assert.equal(
    text,
    "# >>> porthole demo >>>\nHost demo\n    User root\n" +
      "# What follows holds for all hosts, as it did without this section.\nHost *\n" +
      "# <<< porthole demo <<<\nUser me\nHost a\n",
  );
});

Deno.test("editSections changes nothing when the section is there already", () => {
  const once = editSections("Host a\r\n", upsert("demo"), "config").text;
  assert.ok(once.includes("Host demo\r\n    User root\r\n"));
  assert.equal(editSections(once, upsert("demo"), "config").text, once);
});

Deno.test("editSections replaces a section where it stands", () => {
  const once = editSections("Host a\n", upsert("demo"), "config").text;
  const moved = `# first\n${once}`;
  const { text } = editSections(moved, upsert("demo", "Host demo\n    User me\n"), "config");
  assert.equal(text, moved.replace("User root", "User me"));
});

Deno.test("editSections forgets a file that was made for its sections, whichever goes last", () => {
  const first = editSections("", { ...upsert("a"), isNewFile: true }, "config");
  const both = editSections(first.text, upsert("b"), "config").text;
  for (const order of [["a", "b"], ["b", "a"]]) {
    const [one = "", two = ""] = order;
    const left = editSections(both, { remove: [one] }, "config");
    assert.equal(left.isToBeRemoved, false);
    assert.deepEqual(editSections(left.text, { remove: [two] }, "config"), { text: "", isToBeRemoved: true });
  }
  const grown = editSections(`${both}Host own\n`, { remove: ["a", "b"] }, "config");
  assert.deepEqual(grown, { text: "Host own\n", isToBeRemoved: false });
  assert.equal(
    editSections(editSections("", upsert("a"), "config").text, { remove: ["a"] }, "config").isToBeRemoved,
    false,
  );
});

const OPEN = "# >>> porthole a >>>\n";
const CLOSE = "# <<< porthole a <<<\n";
for (
  const [title, text, line, reason] of [
    ["no end", `x\n${OPEN}Host a\n`, 2, "it opens a section that no line closes"],
    ["no beginning", `Host a\n${CLOSE}`, 2, '"# <<< porthole a <<<" closes a section that no line opens'],
    [
      "one inside another",
      `${OPEN}# >>> porthole b >>>\n# <<< porthole b <<<\n${CLOSE}`,
      2,
      '"# >>> porthole b >>>" stands inside the section that line 1 opens',
    ],
    [
      "two of one name",
      `${OPEN}${CLOSE}\n${OPEN}${CLOSE}`,
      4,
      '"# >>> porthole a >>>" opens a section that line 1 opened before',
    ],
    [
      "ends crossed",
      `${OPEN}# <<< porthole b <<<\n`,
      2,
      '"# <<< porthole b <<<" closes another section than line 1 opens',
    ],
    ["a marker cut short", `${OPEN}# <<< porthole a\n${CLOSE}`, 2, '"# <<< porthole a" is not a whole marker'],
    ["an indented marker", `  ${OPEN}${CLOSE}`, 1, '"# >>> porthole a >>>" is not a whole marker'],
  ] as const
) {
  Deno.test(`editSections refuses markers with ${title} and names the line`, () => {
    for (const edits of [upsert("c"), { remove: ["a"] }]) {
      assert.throws(() => editSections(text, edits, "~/.ssh/config"), {
        code: "config_invalid",
        message: `Cannot edit "~/.ssh/config": line ${line}: ${reason}`,
      });
    }
  });
}

Deno.test("editSections refuses a name that a marker cannot hold", () => {
  for (const name of ["a b", "-a", "a\nHost *", "*"]) {
    assert.throws(() => editSections("", upsert(name), "config"), { code: "usage" });
  }
});

/** mulberry32: the same numbers for the same seed on every machine. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

Deno.test("editSections gives back the text of 2000 random files after random edits", () => {
  const pieces = [
    "Host *",
    "\n",
    "\r\n",
    "\r",
    "  User me",
    "#",
    "# >>> other >>>",
    " ",
    "\t",
    "é",
    "\u0000",
    "Match all",
    "=",
  ];
  for (let seed = 0; seed < 2000; seed++) {
    const random = seeded(seed);
    const text = Array.from({ length: random(30) }, () => pieces[random(pieces.length)] ?? "").join("");
    let edited = text;
    const names = ["a", "b", "c", INCLUDE_SECTION];
    for (let step = 0; step < 8; step++) {
      const name = names[random(names.length)] ?? "a";
      const body = "Host x\n".repeat(random(3));
      edited = editSections(edited, random(3) ? upsert(name, body) : { remove: [name] }, "config").text;
    }
    assert.equal(editSections(edited, { remove: names }, "config").text, text, `seed ${seed}`);
  }
});
