// Black-box clients of the server, one question and one answer a line: {"case", "baseURL"} -> {"result"} or {"error"}.
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { generateText, streamText } from 'ai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';

const model = 'gemma-test';
const messages = [{ role: 'system', content: 'Be kind.' }, { role: 'user', content: 'Hi' }];
const headers = { 'x-strict': '1' }; // nothing that these clients send may be without effect

const openai = (baseURL) => new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0, defaultHeaders: headers });
const aiSdk = (baseURL) => createOpenAICompatible({ name: 'gemma3server', baseURL, apiKey: 'none', headers, includeUsage: true }).chatModel(model);
const langchain = (baseURL, fields = {}) =>
  new ChatOpenAI({ model, apiKey: 'none', maxRetries: 0, configuration: { baseURL, defaultHeaders: headers }, ...fields });

const collect = async (items) => {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
};

const thrown = async (work) => {
  try {
    await work();
  } catch (error) {
    const { status, statusCode, code, param, type, requestID, message } = error;
    return { name: error.name, kind: error.constructor.name, status: status ?? statusCode, code, param, type, hasRequestId: Boolean(requestID), message };
  }
  throw new Error('nothing was thrown');
};

const cases = {
  async 'openai whole'(baseURL) {
    const { data, response } = await openai(baseURL).chat.completions
      .create({ model, messages, n: 2, seed: 1, logprobs: true, top_logprobs: 2, max_completion_tokens: 50 }).withResponse();
    return {
      choices: data.choices.map((c) => [c.index, c.message.content, c.finish_reason, c.logprobs.content.map((t) => t.token).join(''), c.logprobs.content[0].top_logprobs.length]),
      usage: data.usage.total_tokens - data.usage.prompt_tokens,
      requestId: response.headers.get('x-request-id') === data._request_id,
    };
  },
  async 'openai stream'(baseURL) {
    const stream = await openai(baseURL).chat.completions.create({ model, messages, n: 2, stream: true, stream_options: { include_usage: true } });
    const result = { texts: ['', ''], roles: [], finished: [], usage: null };
    for await (const chunk of stream) {
      for (const { index, delta, finish_reason } of chunk.choices) {
        if (delta.role) result.roles.push(delta.role);
        result.texts[index] += delta.content ?? '';
        if (finish_reason) result.finished.push(finish_reason);
      }
      if (chunk.usage) result.usage = chunk.usage.completion_tokens;
    }
    return result;
  },
  async 'openai stream helper'(baseURL) {
    const deltas = [];
    const stream = openai(baseURL).chat.completions.stream({ model, messages, logprobs: true, stream_options: { include_usage: true } });
    stream.on('content.delta', ({ delta }) => deltas.push(delta));
    const completion = await stream.finalChatCompletion();
    const [choice] = completion.choices;
    return {
      deltas: deltas.join(''), content: await stream.finalContent(), finish: choice.finish_reason, role: choice.message.role,
      logprobs: choice.logprobs.content.map((t) => t.token).join(''), usage: (await stream.totalUsage()).completion_tokens,
    };
  },
  async 'openai errors'(baseURL) {
    const { chat, models } = openai(baseURL);
    return {
      range: await thrown(() => chat.completions.create({ model, messages, temperature: 9 })),
      model: await thrown(() => chat.completions.create({ model: 'other', messages })),
      image: await thrown(() => chat.completions.create({ model, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }] })),
      ignored: await thrown(() => chat.completions.create({ model, messages, store: true })),
      missing: await thrown(() => models.retrieve('other')),
    };
  },
  async 'openai error in a stream'(baseURL) {
    const texts = [];
    const error = await thrown(async () => {
      for await (const chunk of await openai(baseURL).chat.completions.create({ model, messages, stream: true })) texts.push(chunk.choices[0]?.delta.content);
    });
    return { texts: texts.join(''), error };
  },
  async 'openai responses'(baseURL) {
    const { responses } = openai(baseURL);
    const first = await responses.create({ model, input: 'Hi', instructions: 'Be kind.', include: ['message.output_text.logprobs'], top_logprobs: 1, metadata: { a: 'b' } });
    const second = await responses.create({ model, input: [{ role: 'user', content: 'More' }], previous_response_id: first.id });
    const items = await collect(responses.inputItems.list(second.id, { order: 'asc', limit: 1 }));
    const again = await responses.retrieve(second.id);
    await responses.delete(second.id);
    const gone = await thrown(() => responses.retrieve(second.id));
    return {
      text: first.output_text, status: first.status, logprobs: first.output[0].content[0].logprobs.map((t) => t.token).join(''), usage: first.usage.output_tokens,
      second: second.output_text, same: again.output_text === second.output_text, items: items.map((i) => i.content[0].text), gone: [gone.kind, gone.status, gone.code],
    };
  },
  async 'openai responses stream helper'(baseURL) {
    const types = [];
    const stream = openai(baseURL).responses.stream({ model, input: 'Hi', background: true });
    stream.on('event', ({ type }) => types.push(type));
    const final = await stream.finalResponse();
    const again = [];
    for await (const { type } of await openai(baseURL).responses.retrieve(final.id, { stream: true })) again.push(type);
    return { text: final.output_text, status: final.status, types: [...new Set(types)], again: JSON.stringify(again) === JSON.stringify(types) };
  },
  async 'openai responses background'(baseURL) {
    const { responses } = openai(baseURL);
    const queued = await responses.create({ model, input: 'Hi', background: true });
    let response = queued;
    while (['queued', 'in_progress'].includes(response.status)) response = await responses.retrieve(queued.id);
    const cancelled = await responses.cancel(queued.id);
    return { queued: queued.status, status: response.status, text: response.output_text, cancelled: cancelled.status };
  },
  async 'openai responses failure'(baseURL) {
    const texts = [];
    const stream = openai(baseURL).responses.stream({ model, input: 'Hi' });
    stream.on('response.output_text.delta', ({ delta }) => texts.push(delta));
    const error = await thrown(() => stream.finalResponse());
    return { texts: texts.join(''), failed: Boolean(error) };
  },
  async 'langchain responses'(baseURL) {
    const llm = langchain(baseURL, { useResponsesApi: true, temperature: 0, maxTokens: 50 });
    const answer = await llm.invoke([['system', 'Be kind.'], ['human', 'Hi']]);
    let whole;
    for await (const chunk of await llm.stream([['human', 'Hi'], answer, ['human', 'More']])) whole = whole ? whole.concat(chunk) : chunk;
    return { text: answer.text, streamed: whole.text, usage: answer.usage_metadata.output_tokens };
  },
  async 'openai models'(baseURL) {
    return (await collect(openai(baseURL).models.list())).map((m) => [m.id, m.object]);
  },
  async 'ai generateText'(baseURL) {
    const { text, finishReason, usage } = await generateText({
      model: aiSdk(baseURL), messages: messages.slice(1), system: messages[0].content, maxOutputTokens: 50, temperature: 0, seed: 1, stopSequences: ['###'], maxRetries: 0,
    });
    return { text, finishReason, usage: usage.outputTokens };
  },
  async 'ai streamText'(baseURL) {
    const result = streamText({ model: aiSdk(baseURL), messages: messages.slice(1), maxRetries: 0 });
    const parts = await collect(result.textStream);
    return { text: parts.join(''), parts: parts.length > 1, finishReason: await result.finishReason, usage: (await result.usage).outputTokens };
  },
  async 'ai errors'(baseURL) {
    return thrown(() => generateText({ model: aiSdk(baseURL), messages: messages.slice(1), temperature: 9, maxRetries: 0 }));
  },
  async 'langchain invoke'(baseURL) {
    const answer = await langchain(baseURL, { temperature: 0, maxTokens: 50, stop: ['###'], logprobs: true, topLogprobs: 1 }).invoke([['system', 'Be kind.'], ['human', 'Hi']]);
    return {
      text: answer.content, finish: answer.response_metadata.finish_reason, usage: answer.usage_metadata.output_tokens,
      logprobs: answer.response_metadata.logprobs.content.length,
    };
  },
  async 'langchain stream'(baseURL) {
    let whole;
    for await (const chunk of await langchain(baseURL).stream('Hi')) whole = whole ? whole.concat(chunk) : chunk;
    return { text: whole.content, finish: whole.response_metadata.finish_reason, usage: whole.usage_metadata.output_tokens };
  },
  async 'langchain generations'(baseURL) {
    const { generations } = await langchain(baseURL, { n: 3 }).generate([[new HumanMessage('Hi')]]);
    return generations[0].map((g) => g.text);
  },
  async 'langchain errors'(baseURL) {
    return thrown(() => langchain(baseURL, { temperature: 9 }).invoke('Hi'));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = { result: await cases[question.case](question.baseURL) };
  } catch (error) {
    answer = { error: `${error.stack}` };
  }
  console.log(JSON.stringify(answer));
}
