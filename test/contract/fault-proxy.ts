/**
 * A proxy in front of moto. It forwards requests and injects faults of AWS and of networks into chosen ones. Always:
 * - it does not forward an incomplete upload (moto stores a part; S3 stores nothing);
 * - it forwards conditional puts one after the other (moto checks and writes in two steps; S3 in one);
 * - it completes a receive whose client has gone, as SQS does (aws-sdk-js 2350): the messages are leased, and lost to all;
 * - RunInstances launches MaxCount instances (moto launches MinCount);
 * - a launch with a used ClientToken gets the first response again (moto ignores tokens; EC2 does not);
 * - an error of the proxy's own code is its answer, which no SDK retries, and is written to stderr.
 */
import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface ProxiedRequest {
  method: string;
  path: string;
  /** The action of an SQS or EC2 request: "SendMessageBatch", "RunInstances". Empty for S3. */
  action: string;
  /** The parameters of an EC2 request, whose protocol is a form; undefined for others. */
  form: URLSearchParams | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Reply {
  status: number;
  headers?: IncomingHttpHeaders;
  body: string | Buffer;
  /** Break the connection after so many bytes of the body. */
  cutAfter?: number;
}

export interface Fault {
  /** Selects the requests. */
  of(request: ProxiedRequest): boolean;
  /** How many of them (default 1). */
  times?: number;
  /** Handles them. `forward` sends the request to moto, with another body if one is given. */
  answer(request: ProxiedRequest, forward: (body?: string) => Promise<Reply>): Promise<Reply | 'reset'>;
}

/** A limit of AWS that moto lacks: refuses what exceeds it, or completes moto's answer. Undefined: nothing to say. */
export type Limit = (
  request: ProxiedRequest,
  forward: (body?: string) => Promise<Reply>,
) => Promise<Reply | undefined>;

export interface FaultProxy {
  url: string;
  /** Every request so far. */
  requests: ProxiedRequest[];
  inject(fault: Fault): void;
  /** Holds every request to these limits, before any fault. */
  enforce(limits: readonly Limit[]): void;
  /** The number of injected faults that were not used; drops them. */
  unused(): number;
  /** The number of open client connections. */
  connections(): number;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const requests: ProxiedRequest[] = [];
  const sockets = new Set<Socket>();
  let faults: { fault: Fault; left: number }[] = [];
  const enforced: Limit[] = [];
  let lastConditional: Promise<unknown> = Promise.resolve();
  const launches = new LaunchTokens();

  const take = (request: ProxiedRequest): Fault | undefined => {
    const found = faults.find(({ fault }) => fault.of(request));
    if (found !== undefined) found.left -= 1;
    faults = faults.filter(({ left }) => left > 0);
    return found?.fault;
  };

  const inSequence = <T>(request: ProxiedRequest, forward: () => Promise<T>): Promise<T> => {
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
    if (request.method !== 'PUT' || (ifMatch ?? ifNoneMatch) === undefined) return forward();
    const result = lastConditional.then(forward);
    lastConditional = result.catch(() => {});
    return result;
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const request = proxied(incoming, await buffer(incoming));
    requests.push(request);
    const gone = new AbortController();
    if (request.action !== 'ReceiveMessage') outgoing.once('close', () => gone.abort());
    const forward = (body?: string): Promise<Reply> =>
      launches.once(request, () =>
        inSequence(request, () => pass(target, agent, request, body ?? mostInstances(request), gone.signal)),
      );
    const answer = async () =>
      (await firstAnswer(enforced, request, forward)) ??
      (await (take(request)?.answer(request, forward) ?? forward()));
    const reply = await answer().catch((error: unknown) => failure(request, error));
    if (reply === 'reset') incoming.socket.resetAndDestroy();
    else write(outgoing, reply);
  };

  const server = createServer((incoming, outgoing) => {
    // If the client or moto aborts, close the connection.
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    enforce: (limits) => enforced.push(...limits),
    inject: (fault) => faults.push({ fault, left: fault.times ?? 1 }),
    unused() {
      const left = faults.length;
      faults = [];
      return left;
    },
    connections: () => sockets.size,
    async close() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

/** Moto did not answer, or the client has gone. */
class Unreachable extends Error {}

/** The answer for an error of a limit or a fault. @throws for a lost connection. */
function failure(request: ProxiedRequest, error: unknown): Reply {
  if (error instanceof Unreachable) throw error;
  console.error(`The proxy failed at ${request.method} ${request.path} ${request.action}:`, error);
  return serviceError(request, 400, 'ProxyFailure', `The proxy failed: ${error}`);
}

async function firstAnswer(
  limits: readonly Limit[],
  request: ProxiedRequest,
  forward: (body?: string) => Promise<Reply>,
): Promise<Reply | undefined> {
  for (const limit of limits) {
    const reply = await limit(request, forward);
    if (reply !== undefined) return reply;
  }
  return undefined;
}

function proxied(incoming: IncomingMessage, body: Buffer): ProxiedRequest {
  const { method = '', url = '', headers } = incoming;
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  const form = isForm ? new URLSearchParams(String(body)) : undefined;
  const target = String(headers['x-amz-target'] ?? '').replace(/^AmazonSQS\./, '');
  return { method, path: url, action: form?.get('Action') ?? target, form, headers, body };
}

function mostInstances({ action, form }: ProxiedRequest): string | undefined {
  if (action !== 'RunInstances' || form === undefined) return undefined;
  const most = new URLSearchParams(form);
  most.set('MinCount', form.get('MaxCount') ?? '1');
  return String(most);
}

/** Remembers launches by their ClientToken, like EC2. */
class LaunchTokens {
  readonly #answers = new Map<string, { parameters: string; reply: Promise<Reply> }>();

  once({ action, form, body }: ProxiedRequest, forward: () => Promise<Reply>): Promise<Reply> {
    const token = form?.get('ClientToken');
    if (token == null || !['RunInstances', 'CreateFleet'].includes(action)) return forward();
    const before = this.#answers.get(token);
    if (before === undefined) {
      const reply = forward();
      this.#answers.set(token, { parameters: String(body), reply });
      // Forget a refused launch: it may be requested again.
      reply.then(
        ({ status }) => status >= 300 && this.#answers.delete(token),
        () => this.#answers.delete(token),
      );
      return reply;
    }
    if (before.parameters === String(body)) return before.reply;
    return Promise.resolve(ec2Error(400, 'IdempotentParameterMismatch'));
  }
}

async function pass(
  target: string,
  agent: Agent,
  { method, path, headers, body }: ProxiedRequest,
  otherBody: string | undefined,
  signal: AbortSignal,
): Promise<Reply> {
  const { expect: _asked, 'transfer-encoding': _chunked, connection: _ours, ...kept } = headers;
  const bytes = otherBody === undefined ? body : Buffer.from(otherBody);
  // Keep the client's Host header: moto builds queue URLs from it, and they must lead to this proxy.
  const upstream = httpRequest(new URL(target), {
    agent,
    method,
    path,
    headers: { ...kept, 'content-length': bytes.byteLength },
    signal,
  });
  upstream.end(bytes);
  try {
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
  } catch (cause) {
    throw new Unreachable('moto did not answer', { cause });
  }
}

function write(outgoing: ServerResponse, { status, headers = {}, body, cutAfter }: Reply): void {
  const bytes = Buffer.from(body);
  const { connection: _theirs, 'transfer-encoding': _chunked, 'content-length': length, ...kept } = headers;
  // A response to HEAD has a length and no body.
  const contentLength = bytes.byteLength === 0 ? (length ?? 0) : bytes.byteLength;
  outgoing.writeHead(status, { ...kept, ...(status === 204 ? {} : { 'content-length': contentLength }) });
  if (cutAfter === undefined) outgoing.end(bytes);
  else outgoing.write(bytes.subarray(0, cutAfter), () => outgoing.socket?.resetAndDestroy());
}

const xmlError = (status: number, code: string, message: string): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

const jsonError = (status: number, code: string, message: string): Reply => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-query-error': `${code};Sender` },
  body: JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }),
});

const ec2Error = (status: number, code: string, message = `${code} by the proxy`): Reply => ({
  status,
  headers: { 'content-type': 'text/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>proxy</RequestID></Response>`,
});

/** The form of most services with form requests; EC2 has its own. */
const queryError = (status: number, code: string, message: string): Reply => ({
  status,
  headers: { 'content-type': 'text/xml' },
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>proxy</RequestId></ErrorResponse>`,
});

const EC2_VERSION = '2016-11-15';

/** An error in the format of the requested service. */
export function serviceError(
  { action, form }: ProxiedRequest,
  status: number,
  code: string,
  message = `${code} by the proxy`,
): Reply {
  if (form?.get('Version') === EC2_VERSION) return ec2Error(status, code, message);
  if (form !== undefined) return queryError(status, code, message);
  return action === '' ? xmlError(status, code, message) : jsonError(status, code, message);
}

/** The response to entries of a batch that are not forwarded. */
export interface EntryFailure {
  Code: string;
  SenderFault: boolean;
}

/** Forwards only the entries for which `failing` returns undefined; the others fail. */
export const failingEntries =
  (failing: (entry: Record<string, unknown>, index: number) => EntryFailure | undefined): Fault['answer'] =>
  async (request, forward) => {
    const sent = JSON.parse(String(request.body)) as { Entries: Record<string, unknown>[] };
    const failed = sent.Entries.flatMap((entry, index) => {
      const failure = failing(entry, index);
      return failure === undefined
        ? []
        : [{ Id: entry.Id, Message: `${failure.Code} by the proxy`, ...failure }];
    });
    const failedIds = new Set(failed.map(({ Id }) => Id));
    const passed = sent.Entries.filter(({ Id }) => !failedIds.has(Id));
    if (passed.length === 0) {
      return {
        status: 200,
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: JSON.stringify({ Successful: [], Failed: failed }),
      };
    }
    const reply = await forward(JSON.stringify({ ...sent, Entries: passed }));
    const answer = JSON.parse(String(reply.body)) as { Failed?: unknown[] };
    return { ...reply, body: JSON.stringify({ ...answer, Failed: [...(answer.Failed ?? []), ...failed] }) };
  };
