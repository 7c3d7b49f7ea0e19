import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { Clock } from '../core/runtime/clock.ts';
import {
  DiskFullError,
  ImgclsError,
  isTransient,
  isUnreadable,
  JobMissingError,
  messageOf,
  ObjectMissingError,
} from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import { type Problem, problem } from './api.ts';
import { OncePerMinute } from './once-per-minute.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** An error response (RFC 9457). */
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

/** RFC 9457: the title of an `about:blank` problem is the phrase of its status. */
export const titleOf = (status: number): string => STATUS_CODES[status] ?? 'Error';

/** The error responses of a route, for the OpenAPI document. */
export const problemResponses = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: titleOf(status), content: { [PROBLEM_TYPE]: { schema: problem } } },
    ]),
  );

/** Errors that each route can return. */
export const COMMON_STATUSES = [400, 401, 403, 408, 421, 429, 431, 500, 503, 507] as const;

/** For callers that are not told a time of their own. */
const RETRY_AFTER_SECONDS = 5;

export const problemBody = ({ status, message: detail, hint, code }: HttpProblem): Problem => ({
  type: 'about:blank',
  title: titleOf(status),
  status,
  detail,
  ...(hint !== undefined && { hint }),
  ...(code !== undefined && { code }),
});

export function sendProblem(reply: FastifyReply, error: HttpProblem): void {
  const { status, headers } = error;
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  // Not serialized by the route's schemas, which cover its success responses only.
  reply.code(status).headers(headers).type(PROBLEM_TYPE).serializer(JSON.stringify).send(problemBody(error));
}

/** The response for a thrown error. Internal details go to the log only. */
export function toProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [{ instancePath = '', message = 'is invalid' } = {}] = error.validation;
    // Messages that are sentences come from our own schemas and name the value.
    const isSentence = message.endsWith('.');
    const place = `${error.validationContext ?? 'request'}${instancePath}`;
    return new HttpProblem(400, isSentence ? message : `${place}: ${message}`);
  }
  if (error instanceof JobMissingError || error instanceof ObjectMissingError)
    return new HttpProblem(
      404,
      error instanceof JobMissingError ? error.message : 'Not found. It may have been deleted.',
    );
  if (error instanceof ImgclsError && error.kind === 'usage')
    return new HttpProblem(409, error.message, { hint: error.hint, cause: error });
  if (error instanceof ImgclsError && error.kind === 'config')
    return new HttpProblem(503, error.message, { hint: error.hint, cause: error });
  if (isTransient(error))
    return new HttpProblem(503, 'The cloud is temporarily unavailable.', {
      hint: 'Try again in a few seconds.',
      cause: error,
    });
  if (error instanceof DiskFullError)
    return new HttpProblem(507, 'A disk of the service is full. Nothing that was stored is lost.', {
      hint: 'The operator has to free some space; the log of the service names the disk. Then try again.',
      cause: error,
    });
  if (isUnreadable(error))
    return new HttpProblem(500, 'A stored object cannot be read. Other jobs are not affected.', {
      hint: 'The operator has to run "imgcls doctor", which names the object and says what to do.',
      cause: error,
    });
  const { statusCode = 500 } = error as Partial<FastifyError>;
  if (statusCode >= 400 && statusCode < 500)
    return new HttpProblem(statusCode, messageOf(error), { cause: error });
  return new HttpProblem(500, 'Internal error. Details are in the log of the service.', {
    cause: error,
  });
}

/** Otherwise the connection would stay open, with its body half read, even after the caller has closed it. */
function discardRest({ raw }: FastifyRequest): void {
  raw.unpipe();
  raw.resume();
}

const MAX_TYPE_CHARS = 100;

/** Names the accepted content types, which Fastify's own error does not. */
function wrongType({ headers, routeOptions: { schema } }: FastifyRequest): HttpProblem {
  const accepted = schema?.consumes ?? (schema?.body === undefined ? [] : ['application/json']);
  const { 'content-type': type } = headers;
  const received = type === undefined ? 'none' : JSON.stringify(type.slice(0, MAX_TYPE_CHARS));
  const types = accepted.map((each) => (each === 'image/*' ? 'image/jpeg (or another image type)' : each));
  return new HttpProblem(
    415,
    types.length === 0
      ? 'This request takes no body.'
      : `Content-Type must be ${types.join(' or ')}, not ${received}.`,
  );
}

/** Refusals that one address can meet as fast as it sends. */
const FLOOD_STATUSES: readonly number[] = [401, 429];

/**
 * Turns errors of routes and of Fastify into responses, and logs them: refusals that may come as a flood once per address
 * and minute.
 */
export function createErrorHandler({ log, clock }: { log: Log; clock: Clock }) {
  const floods = new OncePerMinute(clock);
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { code } = error as Partial<FastifyError>;
    const problem = code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? wrongType(request) : toProblem(error);
    const job = (request.params as { id?: string } | undefined)?.id;
    const fields = {
      trace: request.id,
      ...(job !== undefined && { job }),
      status: problem.status,
      method: request.method,
      route: request.routeOptions.url,
      ip: request.ip,
    };
    const isFlood = FLOOD_STATUSES.includes(problem.status);
    if (problem.status >= 500) log.error({ ...fields, error: problem.cause ?? error }, 'Request failed.');
    else if (isFlood ? floods.isFirst(`${problem.status} ${request.ip}`) : problem.status !== 404)
      log.warn({ ...fields, reason: problem.message }, 'Refused an HTTP request.');
    if (!request.raw.complete) discardRest(request);
    sendProblem(reply, problem);
  };
}
