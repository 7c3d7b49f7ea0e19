import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import {
  ImgclsError,
  isTransient,
  JobMissingError,
  messageOf,
  ObjectMissingError,
} from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import { type Problem, problem } from './api.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** An answer that is no success, for the caller of the service (RFC 9457). */
export class HttpProblem extends Error {
  readonly status: number;
  readonly hint: string | undefined;
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    detail: string,
    options: {
      hint?: string | undefined;
      code?: string;
      headers?: Record<string, string>;
      cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: options.cause });
    this.status = status;
    this.hint = options.hint;
    this.code = options.code;
    this.headers = options.headers ?? {};
  }
}

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not authorised',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  406: 'Not acceptable',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Too large',
  414: 'Address too long',
  415: 'Unsupported media type',
  421: 'Misdirected request',
  422: 'Not a classifiable image',
  429: 'Too many requests',
  431: 'Header too large',
  500: 'Internal error',
  503: 'Unavailable',
  504: 'No answer in time',
};

/** What the OpenAPI document says of each status that a route may answer besides its success. */
export const problems = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: titles[status] ?? 'Error', content: { [PROBLEM_TYPE]: { schema: problem } } },
    ]),
  );

/** Every route may answer these. */
export const COMMON = [400, 401, 403, 408, 421, 429, 500, 503] as const;

export function sendProblem(reply: FastifyReply, error: HttpProblem): void {
  const { status, message: detail, hint, code, headers } = error;
  const body: Problem = {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    detail,
    ...(hint !== undefined && { hint }),
    ...(code !== undefined && { code }),
  };
  // The body has its shape already; a route's own schemas are of its successes.
  reply.code(status).headers(headers).type(PROBLEM_TYPE).serializer(JSON.stringify).send(body);
}

/** Whatever was thrown, as the caller should see it; what went wrong inside is told to the log alone. */
export function toProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [{ instancePath = '', message = 'is wrong' } = {}] = error.validation;
    // Sentences are of our schemas, and name what is wrong themselves.
    const isSentence = message.endsWith('.');
    const place = `${error.validationContext ?? 'request'}${instancePath}`;
    return new HttpProblem(400, isSentence ? message : `${place}: ${message}`);
  }
  if (error instanceof JobMissingError || error instanceof ObjectMissingError)
    return new HttpProblem(
      404,
      error instanceof JobMissingError ? error.message : 'What was asked for is not there (any more).',
    );
  if (error instanceof ImgclsError && error.kind === 'usage')
    return new HttpProblem(409, error.message, { hint: error.hint, cause: error });
  if (error instanceof ImgclsError && error.kind === 'config')
    return new HttpProblem(503, error.message, { hint: error.hint, cause: error });
  if (isTransient(error))
    return new HttpProblem(503, 'The cloud does not answer as it should.', {
      hint: 'Try again in a moment.',
      headers: { 'retry-after': '5' },
      cause: error,
    });
  const { statusCode = 500 } = error as Partial<FastifyError>;
  if (statusCode >= 400 && statusCode < 500)
    return new HttpProblem(statusCode, messageOf(error), { cause: error });
  return new HttpProblem(500, 'Something went wrong inside the service; its log says what.', {
    cause: error,
  });
}

const MOST_SHOWN = 100;

/** A body of a type that nothing here reads; Fastify says no more than that. */
function wrongType({ headers, routeOptions: { schema } }: FastifyRequest): HttpProblem {
  const takes = schema?.consumes ?? (schema?.body === undefined ? [] : ['application/json']);
  const { 'content-type': type } = headers;
  const came =
    type === undefined ? 'it came without' : `it came as ${JSON.stringify(type.slice(0, MOST_SHOWN))}`;
  const types = takes.map((each) => (each === 'image/*' ? 'image/jpeg (or another image type)' : each));
  return new HttpProblem(
    415,
    types.length === 0
      ? 'This address takes no body: send none.'
      : `Send the body with content-type: ${types.join(' or ')}; ${came}.`,
  );
}

/** Answers every error of a route or of Fastify itself, and logs what somebody should look at. */
export function answerErrors(log: Log) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { code } = error as Partial<FastifyError>;
    const answer = code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? wrongType(request) : toProblem(error);
    const job = (request.params as { id?: string } | undefined)?.id;
    const fields = {
      trace: request.id,
      ...(job !== undefined && { job }),
      status: answer.status,
      method: request.method,
      route: request.routeOptions.url,
      ip: request.ip,
    };
    if (answer.status >= 500) log.error({ ...fields, error: answer.cause ?? error }, 'A request failed.');
    else if (answer.status !== 404) log.warn({ ...fields, why: answer.message }, 'A request was refused.');
    sendProblem(reply, answer);
  };
}
