import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { acceptsGzip, addVary } from './negotiation.ts';

const compressText = promisify(gzip);

/** A shorter text would hardly become shorter. */
const MIN_CHARS = 1024;

/**
 * `onSend` hook of routes with large responses, for callers that accept gzip. Not for event streams, whose events would wait
 * for more, and not for responses that contain a secret beside a caller's text (BREACH).
 */
export async function compress(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  addVary(reply, 'accept-encoding');
  const isLarge = payload instanceof Readable || (typeof payload === 'string' && payload.length >= MIN_CHARS);
  if (!isLarge || !acceptsGzip(request)) return payload;
  reply.header('content-encoding', 'gzip').removeHeader('content-length');
  // An error destroys both streams, and so closes the connection: the caller sees that the response is incomplete.
  return payload instanceof Readable
    ? pipeline(payload, createGzip(), () => {})
    : await compressText(payload);
}
