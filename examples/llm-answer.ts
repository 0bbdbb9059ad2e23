// OPENAI_API_KEY=… node examples/llm-answer.ts 'Why is the sky blue?': prints a model's answer word by word.
//
// A POST is never sent twice behind your back, and an answer that stops before "[DONE]" is an error, not a short answer.

import { bearer, createClient } from "longwire";

const client = createClient({
  baseUrl: process.env["OPENAI_BASE_URL"] ?? "https://api.openai.com/v1",
  auth: bearer(() => process.env["OPENAI_API_KEY"] ?? ""),
});
const prompt = {
  model: "gpt-4o-mini",
  stream: true,
  messages: [{ role: "user", content: process.argv[2] ?? "Hello!" }],
};

interface Delta {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
}

for await (const event of client.sse("/chat/completions", { method: "POST", json: prompt, until: "[DONE]" })) {
  const { choices } = JSON.parse(event.data) as Delta;
  process.stdout.write(choices[0]?.delta.content ?? "");
}
console.log();
await client.close();
