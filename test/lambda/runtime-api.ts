/**
 * The Runtime API of AWS Lambda (2018-06-01), by which a runtime gets its calls:
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface RuntimeApi {
  /** HOST:PORT */
  address: string;
  /** Hands the event to the runtime and waits for its answer. */
  call(event: object, timeLimitMs: number): Promise<unknown>;
  /** Fails the calls that have no answer yet, and later ones. */
  fail(error: Error): void;
  close(): Promise<void>;
}

interface Call {
  id: string;
  event: object;
  timeLimitMs: number;
  answer(value: unknown): void;
  fail(error: Error): void;
}

const FUNCTION = 'arn:aws:lambda:us-east-1:123456789012:function:imgcls-default-controller';
const PREFIX = '/2018-06-01/runtime/';

export async function startRuntimeApi(): Promise<RuntimeApi> {
  const waiting: Call[] = [];
  const begun = new Map<string, Call>();
  let ready: ServerResponse | undefined;
  let failure: Error | undefined;
  let calls = 0;

  function handOut(): void {
    if (ready === undefined) return;
    const call = waiting.shift();
    if (call === undefined) return;
    begun.set(call.id, call);
    ready.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': call.id,
      'lambda-runtime-deadline-ms': String(Date.now() + call.timeLimitMs),
      'lambda-runtime-invoked-function-arn': FUNCTION,
      'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000;Sampled=0',
    });
    ready.end(JSON.stringify(call.event));
    ready = undefined;
  }

  function fail(error: Error): void {
    failure = error;
    for (const call of [...waiting, ...begun.values()]) call.fail(error);
  }

  const server = createServer(async (request, response) => {
    const route = request.url?.slice(PREFIX.length) ?? '';
    if (route === 'invocation/next') {
      ready = response;
      handOut();
      return;
    }
    const body = await json(request);
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    if (route === 'init/error') return fail(new Error(JSON.stringify(body)));
    const [, id = '', kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(route) ?? [];
    const call = begun.get(id);
    begun.delete(id);
    if (kind === 'response') call?.answer(body);
    else call?.fail(new Error(JSON.stringify(body)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    call(event, timeLimitMs) {
      if (failure !== undefined) return Promise.reject(failure);
      return new Promise((answer, reject) => {
        waiting.push({ id: `call-${++calls}`, event, timeLimitMs, answer, fail: reject });
        handOut();
      });
    },
    fail,
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
