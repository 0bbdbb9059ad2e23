import { expect, test } from "vitest";
import { escapeControls } from "../src/escape-controls.ts";

test("what a terminal would obey is printed by its number", () => {
  expect(escapeControls("\u001b[2J\u0007\r\b\u0000")).toBe("\\x1b[2J\\x07\\x0d\\x08\\x00");
  expect(escapeControls("del \u007f, CSI in one byte \u009b31m")).toBe("del \\x7f, CSI in one byte \\x9b31m");
  expect(escapeControls("\u202eabc\u2066\u200f\u2028")).toBe("\\u202eabc\\u2066\\u200f\\u2028");
});

test("text, tabs and line feeds stay as they are", () => {
  const text = "Grüße\t👋🏽 日本\n\\x1b is four characters";
  expect(escapeControls(text)).toBe(text);
});

test("no control character of Unicode but tab and line feed comes through", () => {
  for (let code = 0; code < 0x10000; code++) {
    const character = String.fromCharCode(code);
    const passes = escapeControls(character) === character;
    if (/\p{Cc}/u.test(character)) expect(passes, code.toString(16)).toBe(character === "\t" || character === "\n");
  }
});
