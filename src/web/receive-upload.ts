import type { FastifyRequest } from 'fastify';
import type { Client } from '../client/client.ts';
import { imageFormatOf } from '../core/model/image-format.ts';
import type { ImageError } from '../core/model/outcome.ts';
import type { Input } from '../upload/inputs.ts';
import { HttpProblem } from './problem.ts';
import type { ServiceLimits } from './service-limits.ts';
import { spool } from './spool.ts';

/** Images are stored while the next ones come in; so many at once. */
const STORED_AT_ONCE = 8;
const MOST_FIELDS = 20;

export interface Upload {
  /** In the order in which they came; their bytes are in the store. */
  images: Input[];
  /** The other fields of the form. */
  fields: Record<string, string>;
}

export interface ReceiveUploadOptions {
  client: Pick<Client, 'store'>;
  limits: ServiceLimits;
}

/**
 * Takes a multipart upload to its end: each file goes through a temporary file, where it is hashed, into the store. No
 * job knows of it until the request is whole, so that a request which breaks off leaves no job behind.
 * @throws {HttpProblem} when the request is more than it may be, or none of ours.
 */
export async function receiveUpload(request: FastifyRequest, options: ReceiveUploadOptions): Promise<Upload> {
  const { limits } = options;
  const images: (Input | Promise<Input>)[] = [];
  const fields: Record<string, string> = {};
  const storing = new Set<Promise<unknown>>();
  const gone = new AbortController();
  request.raw.once('close', () => {
    if (!request.raw.complete) gone.abort(brokenOff());
  });
  const parts = request.parts({
    preservePath: true,
    limits: {
      parts: limits.files + MOST_FIELDS,
      files: limits.files,
      fileSize: limits.imageBytes,
      fields: MOST_FIELDS,
      fieldSize: 4096,
    },
  });
  try {
    for await (const part of wellFormed(parts)) {
      gone.signal.throwIfAborted();
      if (part.type === 'field') {
        fields[part.fieldname] = String(part.value);
        continue;
      }
      const { filename: name, file } = part;
      const spooled = await spool(bounded(file, request, limits));
      const image = { name, source: name };
      const error = file.truncated ? tooLarge(limits) : notAnImage(spooled.head);
      if (error !== undefined) {
        await spooled.release();
        images.push({ ...image, kind: 'unreadable', error });
        continue;
      }
      const stored = options.client
        .store(spooled, { signal: gone.signal })
        .then((found): Input => ({ ...image, ...found }))
        .finally(() => spooled.release());
      images.push(stored);
      const done = stored.catch(() => {}).finally(() => storing.delete(done));
      storing.add(done);
      if (storing.size >= STORED_AT_ONCE) await Promise.race(storing);
    }
    gone.signal.throwIfAborted();
    return { images: await Promise.all(images), fields };
  } catch (error) {
    gone.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(storing);
  }
}

/**
 * Reads the body of a request whose answer is known already and keeps nothing of it: a caller that is still sending when the
 * connection closes does not see the answer, and would send everything again.
 * @throws {HttpProblem} when the request is more than it may be, or breaks off.
 */
export function discardUpload({ raw }: FastifyRequest, { requestBytes }: ServiceLimits): Promise<void> {
  // Flowing: where a stream is iterated it counts as paused, and pauses are not counted against a slow sender.
  return new Promise((resolve, reject) => {
    raw.on('data', () => {
      if (received(raw) > requestBytes) reject(tooManyBytes(requestBytes));
    });
    raw.once('end', resolve);
    raw.once('close', () => reject(brokenOff()));
  });
}

/** What the reader of forms makes no sense of has no status of its own: the form is not as forms are. */
async function* wellFormed<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parts;
  } catch (error) {
    if (error instanceof Error && !('statusCode' in error))
      throw new HttpProblem(400, `The form cannot be read: ${error.message}.`, { cause: error });
    throw error;
  }
}

/** Passes chunks on until the request as a whole is too large. */
async function* bounded(
  chunks: AsyncIterable<Buffer>,
  { raw }: FastifyRequest,
  { requestBytes }: ServiceLimits,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    if (received(raw) > requestBytes) throw tooManyBytes(requestBytes);
    yield chunk;
  }
}

const starts = new WeakMap<FastifyRequest['raw'], number>();

/** To be called when the request begins: its connection may have served others before. */
export function startCounting({ raw }: FastifyRequest): void {
  starts.set(raw, raw.socket.bytesRead);
}

const received = (raw: FastifyRequest['raw']): number => raw.socket.bytesRead - (starts.get(raw) ?? 0);

const brokenOff = (): HttpProblem => new HttpProblem(400, 'The upload broke off.');

export const tooManyBytes = (requestBytes: number): HttpProblem =>
  new HttpProblem(413, `The request is larger than ${requestBytes} bytes.`, {
    hint: 'Send the images in several requests.',
    headers: { connection: 'close' },
  });

export const tooLarge = ({ imageBytes }: ServiceLimits): ImageError => ({
  code: 'too_large',
  message: `The file has more than ${imageBytes} bytes.`,
});

/** By content, not by name: what is no image is not kept. */
function notAnImage(head: Buffer): ImageError | undefined {
  const format = imageFormatOf(head);
  return typeof format === 'string' ? undefined : format;
}
