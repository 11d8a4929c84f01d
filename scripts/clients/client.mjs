// OpenAI's Node client against the simulated API.
//
// Usage: node client.mjs FAKEOPENAI [CHECK...], with NODE_MODULES=FOLDER in the environment.
//
// Each check starts FAKEOPENAI with the flags that it needs. With FRONT=URL and ADDR=HOST:PORT in the environment, the
// service listens on ADDR and the client calls URL: a proxy in front of it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const load = createRequire(join(process.env.NODE_MODULES, 'x.js'));
const OpenAI = load('openai');
const { ContentFilterFinishReasonError, LengthFinishReasonError } = load('openai/error');
const { VERSION } = load('openai/version');
const { toFile } = OpenAI;
const [fakeopenai, ...wanted] = process.argv.slice(2);
const front = process.env.FRONT;
const prompt = 'Mark the entities.\nInput: Rome is old\nOutput: @@Rome## is old\nInput: I saw Rome\nOutput:';
const model = 'gpt-4o-mini';
const marked = 'I saw @@Rome##';

// service starts the service and calls use with a client and the address of the service's control calls.
async function service({ flags = [], faults, ...options }, use) {
  const work = await mkdtemp(join(tmpdir(), 'clients-'));
  const urlFile = join(work, 'url');
  const args = ['--quiet', '--with-parent', '--addr-file', urlFile, ...flags];
  if (process.env.ADDR) args.push('--addr', process.env.ADDR);
  if (faults) {
    await writeFile(join(work, 'faults'), JSON.stringify(faults));
    args.push('--faults', join(work, 'faults'));
  }
  const server = spawn(fakeopenai, args, { stdio: 'inherit' });
  const ended = new Promise((done) => server.on('exit', done));
  try {
    let url = '';
    while (!url) {
      assert.equal(server.exitCode, null, 'fakeopenai ended');
      url = await readFile(urlFile, 'utf8').catch(() => '');
      await sleep(10);
    }
    url = url.trim();
    const client = new OpenAI({ baseURL: front || url, apiKey: 'sk-any', maxRetries: 0, timeout: 20_000, ...options });
    await use(client, url.replace(/\/v1$/, ''));
  } finally {
    server.kill();
    await ended;
    await rm(work, { recursive: true });
  }
}

const control = async (url) => assert.equal((await fetch(url, { method: 'POST' })).status, 200);
const ask = (client, more) => client.chat.completions.create({ model, messages: [{ role: 'user', content: prompt }], ...more });

async function fails(kind, call) {
  try {
    await call();
  } catch (e) {
    assert.equal(e.constructor.name, kind.name);
    return e;
  }
  assert.fail(`no ${kind.name}`);
}

async function all(list) {
  const found = [];
  for await (const item of list) found.push(item);
  return found;
}

const requestLines = (n) =>
  Array.from({ length: n }, (_, i) => {
    const body = { model, messages: [{ role: 'user', content: prompt }] };
    return JSON.stringify({ custom_id: `row-${i}`, method: 'POST', url: '/v1/chat/completions', body }) + '\n';
  }).join('');

const upload = async (client, data, name = 'input.jsonl', more) =>
  client.files.create({ file: await toFile(Buffer.from(data), name), purpose: 'batch', ...more });

const start = async (client, data, more) =>
  client.batches.create({
    input_file_id: (await upload(client, data)).id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    ...more,
  });

const lines = async (client, id) => {
  const text = await (await client.files.content(id)).text();
  return text.trimEnd().split('\n').map((line) => JSON.parse(line));
};

const checks = {
  async chat() {
    await service({}, async (client) => {
      const answer = await ask(client, { temperature: 0, max_completion_tokens: 100, stop: ['\n'] });
      assert.equal(answer.choices[0].message.content, marked);
      assert.equal(answer.choices[0].finish_reason, 'stop');
      assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
      assert.match(answer._request_id, /^req_/);
      const { response, request_id } = await ask(client).withResponse();
      assert.equal(request_id, response.headers.get('x-request-id'));
    });
  },

  async 'structured output'() {
    const schema = {
      type: 'object',
      properties: { entities: { type: 'array', items: { type: 'string' } } },
      required: ['entities'],
      additionalProperties: false,
    };
    const call = {
      model,
      messages: [{ role: 'user', content: 'Input: Rome is old\nOutput: {"entities": ["Rome"]}\nInput: I saw Rome\nOutput:' }],
      response_format: { type: 'json_schema', json_schema: { name: 'entities', strict: true, schema } },
    };
    await service({}, async (client) => {
      const answer = await client.chat.completions.parse(call);
      assert.deepEqual(JSON.parse(answer.choices[0].message.content), { entities: ['Rome'] });
    });
    const tool = { ...call, tools: [{ type: 'function', function: { name: 'f', strict: true, parameters: schema } }] };
    for (const [kind, error] of [['length', LengthFinishReasonError], ['content_filter', ContentFilterFinishReasonError]]) {
      await service({ faults: [{ kind }] }, (client) => fails(error, () => client.chat.completions.parse(tool)));
    }
    await service({ faults: [{ kind: 'refusal' }] }, async (client) => {
      const answer = await client.chat.completions.parse(call);
      assert.equal(answer.choices[0].message.content, null);
      assert.ok(answer.choices[0].message.refusal);
    });
  },

  // Streaming is not simulated, and the service says so.
  async streaming() {
    await service({}, async (client) => {
      const e = await fails(OpenAI.BadRequestError, () => ask(client, { stream: true }));
      assert.deepEqual([e.code, e.param], ['unsupported_value', 'stream']);
    });
  },

  async 'legacy completions'() {
    await service({}, async (client) => {
      const answer = await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt, max_tokens: 50 });
      assert.equal(answer.choices[0].text, marked);
    });
  },

  async embeddings() {
    await service({}, async (client) => {
      const asked = { model: 'text-embedding-3-small', input: ['I saw Rome', 'Rome is old'] };
      const coded = await client.embeddings.create(asked); // as base64
      const plain = await client.embeddings.create({ ...asked, encoding_format: 'float' });
      assert.deepEqual(coded.data.map((e) => [e.index, e.embedding.length]), [[0, 1536], [1, 1536]]);
      for (const [i, x] of plain.data[0].embedding.entries()) assert.ok(Math.abs(x - coded.data[0].embedding[i]) < 1e-6);
      const one = await client.embeddings.create({ model: 'text-embedding-3-large', input: 'I saw Rome', dimensions: 8 });
      assert.equal(one.data[0].embedding.length, 8);
    });
  },

  async models() {
    await service({ flags: ['--models', 'gpt-4o-mini,gpt-6-luna'] }, async (client) => {
      assert.deepEqual((await all(client.models.list())).map((m) => m.id), ['gpt-4o-mini', 'gpt-6-luna']);
      assert.equal((await client.models.retrieve('gpt-4o-mini')).object, 'model');
      const e = await fails(OpenAI.NotFoundError, () => client.models.retrieve('gpt-none'));
      assert.deepEqual([e.code, e.type, e.param], ['model_not_found', 'invalid_request_error', null]);
    });
  },

  async files() {
    await service({}, async (client) => {
      const data = requestLines(3);
      const made = await upload(client, data);
      assert.deepEqual([made.bytes, made.purpose, made.status, made.filename], [data.length, 'batch', 'processed', 'input.jsonl']);
      assert.deepEqual(await client.files.retrieve(made.id), made);
      assert.equal(await (await client.files.content(made.id)).text(), data);
      const short = await upload(client, data, 'short.jsonl', { expires_after: { anchor: 'created_at', seconds: 3600 } });
      assert.equal(short.expires_at - short.created_at, 3600);
      assert.equal((await client.files.waitForProcessing(short.id)).id, short.id);
      const file = join(tmpdir(), `clients-${process.pid}.jsonl`);
      await writeFile(file, data);
      assert.equal((await client.files.create({ file: createReadStream(file), purpose: 'batch' })).bytes, data.length);
      await rm(file);
      const ids = (await all(client.files.list({ limit: 2 }))).map((f) => f.id);
      assert.equal(ids.length, 3);
      assert.equal(ids[2], made.id);
      const oldestFirst = await all(client.files.list({ limit: 2, order: 'asc', purpose: 'batch' }));
      assert.deepEqual(oldestFirst.map((f) => f.id), [...ids].reverse());
      assert.deepEqual(await all(client.files.list({ purpose: 'batch_output' })), []);
      assert.equal((await client.files.delete(made.id)).deleted, true);
      await fails(OpenAI.NotFoundError, () => client.files.retrieve(made.id));
      await fails(OpenAI.NotFoundError, () => client.files.content(made.id));
      await fails(OpenAI.BadRequestError, () => upload(client, 'no JSON\n'));
    });
  },

  async 'batch completed'() {
    await service({ flags: ['--in-progress', '1h'] }, async (client, root) => {
      let batch = await start(client, requestLines(3), { metadata: { part: '1' } });
      assert.deepEqual([batch.status, batch.metadata.part, batch.output_file_id], ['validating', '1', null]);
      batch = await client.batches.retrieve(batch.id);
      assert.equal(batch.status, 'in_progress');
      await control(`${root}/_sim/advance?d=61m`);
      batch = await client.batches.retrieve(batch.id);
      assert.deepEqual(batch.request_counts, { total: 3, completed: 3, failed: 0 });
      assert.deepEqual([batch.status, batch.error_file_id, batch.model], ['completed', null, model]);
      const found = await lines(client, batch.output_file_id);
      assert.deepEqual(found.map((line) => line.custom_id).sort(), ['row-0', 'row-1', 'row-2']);
      for (const line of found) assert.equal(line.response.body.choices[0].message.content, marked);
      await fails(OpenAI.ConflictError, () => client.batches.cancel(batch.id));
    });
  },

  async 'batch failed'() {
    await service({}, async (client) => {
      const batch = await client.batches.retrieve((await start(client, requestLines(1) + '{"custom_id": 1}\n')).id);
      assert.equal(batch.status, 'failed');
      assert.equal(batch.errors.data[0].line, 2);
    });
    await service({ faults: [{ kind: 'batch_all_failed' }] }, async (client) => {
      const batch = await client.batches.retrieve((await start(client, requestLines(2))).id);
      assert.deepEqual([batch.status, batch.output_file_id, batch.request_counts.failed], ['completed', null, 2]);
      for (const line of await lines(client, batch.error_file_id)) assert.equal(line.response.status_code, 400);
    });
  },

  async 'batch expired'() {
    await service({ flags: ['--in-progress', '100h'] }, async (client, root) => {
      let batch = await start(client, requestLines(4));
      await control(`${root}/_sim/advance?d=25h`);
      batch = await client.batches.retrieve(batch.id);
      assert.deepEqual([batch.status, batch.request_counts.failed], ['expired', 0]);
      for (const line of await lines(client, batch.error_file_id)) assert.equal(line.error.code, 'batch_expired');
    });
  },

  async 'batch cancelled'() {
    await service({ flags: ['--in-progress', '2h', '--cancelling', '10m'] }, async (client, root) => {
      let batch = await start(client, requestLines(4));
      await control(`${root}/_sim/advance?d=61m`);
      assert.equal((await client.batches.cancel(batch.id)).status, 'cancelling');
      await control(`${root}/_sim/advance?d=11m`);
      batch = await client.batches.retrieve(batch.id);
      assert.equal(batch.status, 'cancelled');
      assert.equal((await lines(client, batch.output_file_id)).length, 2);
      assert.equal((await lines(client, batch.error_file_id)).length, 2);
    });
  },

  async 'batch lists'() {
    await service({}, async (client) => {
      assert.deepEqual(await all(client.batches.list()), []);
      const ids = [];
      for (let i = 0; i < 5; i++) ids.unshift((await start(client, requestLines(1))).id);
      assert.deepEqual((await all(client.batches.list({ limit: 2 }))).map((b) => b.id), ids);
      const pages = [];
      for await (const page of (await client.batches.list({ limit: 2 })).iterPages()) pages.push(page.data.length);
      assert.deepEqual(pages, [2, 2, 1]);
      await fails(OpenAI.NotFoundError, () => client.batches.retrieve('batch_none'));
    });
  },

  async errors() {
    const kinds = {
      400: OpenAI.BadRequestError,
      401: OpenAI.AuthenticationError,
      403: OpenAI.PermissionDeniedError,
      404: OpenAI.NotFoundError,
      409: OpenAI.ConflictError,
      422: OpenAI.UnprocessableEntityError,
      429: OpenAI.RateLimitError,
      500: OpenAI.InternalServerError,
      503: OpenAI.InternalServerError,
    };
    for (const [status, kind] of Object.entries(kinds)) {
      const said = { type: 'a_type', code: 'a_code', message: 'a message', param: 'a.param' };
      await service({ faults: [{ kind: 'status', status: Number(status), ...said }] }, async (client) => {
        for (const call of [() => ask(client), () => client.files.list(), () => client.batches.list(), () => client.models.list()]) {
          const e = await fails(kind, call);
          assert.deepEqual([e.status, e.type, e.code, e.param], [Number(status), 'a_type', 'a_code', 'a.param']);
          assert.deepEqual(e.error, said);
          assert.equal(e.message, `${status} a message`);
          assert.match(e.requestID, /^req_/);
        }
      });
    }
    await service({ flags: ['--key', 'sk-right'] }, async (client) => {
      assert.equal((await fails(OpenAI.AuthenticationError, () => ask(client))).code, 'invalid_api_key');
    });
    await service({ faults: [{ kind: 'hang' }], timeout: 300 }, (client) =>
      fails(OpenAI.APIConnectionTimeoutError, () => ask(client)));
    if (front) return; // a proxy has its own answer to a broken connection
    await service({ faults: [{ kind: 'reset' }] }, (client) => fails(OpenAI.APIConnectionError, () => ask(client)));
  },

  async 'rate limits'() {
    await service({ flags: ['--rpm', '2', '--tpm', '100000'] }, async (client) => {
      const { response } = await ask(client).withResponse();
      assert.equal(response.headers.get('x-ratelimit-limit-requests'), '2');
      assert.equal(response.headers.get('x-ratelimit-remaining-requests'), '1');
      await ask(client);
      const e = await fails(OpenAI.RateLimitError, () => ask(client));
      assert.deepEqual([e.code, e.type, e.param], ['rate_limit_exceeded', 'requests', null]);
      assert.ok(Number(e.headers.get('retry-after')) > 0);
      assert.ok(Number(e.headers.get('retry-after-ms')) > 0);
    });
    // The client's own retries wait as they are told, and get through.
    await service({ flags: ['--rpm', '2', '--period', '600ms'], maxRetries: 2 }, async (client) => {
      for (let i = 0; i < 4; i++) await ask(client);
    });
    const busy = { kind: 'status', status: 503, retry_after_ms: '10' };
    await service({ faults: [{ ...busy, times: 2 }], maxRetries: 2 }, (client) => ask(client));
    await service({ faults: [{ ...busy, times: 3 }], maxRetries: 2 }, (client) =>
      fails(OpenAI.InternalServerError, () => ask(client)));
    await service({ faults: [{ kind: 'reset', times: 1 }], maxRetries: 1 }, (client) => ask(client));
  },
};

let ok = 0;
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (wanted.length && !wanted.includes(name)) continue;
  try {
    await check();
    ok++;
    console.log(`ok      node ${name}`);
  } catch (e) {
    failed++;
    console.log(`FAILED  node ${name}\n${e.stack}`);
  }
}
console.log(`openai-node ${VERSION}: ${ok} ok, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
