// What a caller accepts (RFC 9110): media types and encodings by their q-values, and the versions that it has.

import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';

/** The available media type that the caller likes best; of equal ones, that which it names more exactly or first. */
export const preferredType = <T extends string>(
  { raw }: FastifyRequest,
  available: readonly T[],
): T | undefined => new Negotiator(raw).mediaType([...available]) as T | undefined;

/** Of browsers that open an address. False for a caller that says nothing about media types. */
export const prefersHtml = (request: FastifyRequest): boolean =>
  preferredType(request, ['application/json', 'text/html']) === 'text/html';

/** False for a caller that says nothing about encodings. */
export const acceptsGzip = ({ raw }: FastifyRequest): boolean =>
  new Negotiator(raw).encoding(['gzip', 'identity']) === 'gzip';

/** Tells caches that the response depends on these request headers. */
export function addVary(reply: FastifyReply, ...headers: string[]): void {
  const before = reply.getHeader('vary');
  reply.header('vary', [...(before === undefined ? [] : [before]), ...headers].join(', '));
}

/** Whether the caller has this version (`If-None-Match`): a list of tags, weak ones too, or `*`. */
export function isKnownVersion({ headers }: FastifyRequest, etag: string): boolean {
  const { 'if-none-match': known } = headers;
  if (known === undefined) return false;
  const tags = known.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.trim() === '*' || tags.includes(etag);
}
