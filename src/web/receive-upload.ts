import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Client } from '../client/client.ts';
import { imageFormatOf } from '../core/model/image-format.ts';
import type { ImageError } from '../core/model/outcome.ts';
import type { Input } from '../upload/inputs.ts';
import { callerOf } from './caller.ts';
import { MAX_PARALLEL_PUTS, type ServiceLimits } from './limits.ts';
import { HttpProblem } from './problem.ts';
import type { Shares } from './shares.ts';
import { spool } from './spool.ts';

const MAX_FIELDS = 20;

export interface Upload {
  /** In the order of the form. Their bytes are stored. */
  images: Input[];
  /** The other fields of the form. */
  fields: Record<string, string>;
  /** The same for the same files and fields. */
  digest: string;
}

export interface ReceiveUploadOptions {
  client: Pick<Client, 'store'>;
  /** The id of the job that will have the images. */
  forJob: string;
  limits: ServiceLimits;
  /** The bytes of the temporary files of all uploads. */
  spooled: Shares;
}

/**
 * Receives a multipart upload: hashes each file in a temporary file, then stores it. The job is created only after the
 * whole request, so an interrupted request leaves no job.
 * @throws {HttpProblem} if the request exceeds a limit or is malformed.
 */
export async function receiveUpload(request: FastifyRequest, options: ReceiveUploadOptions): Promise<Upload> {
  const { limits } = options;
  const caller = callerOf(request);
  const images: (Input | Promise<Input>)[] = [];
  const fields: Record<string, string> = {};
  const digest = new FormDigest();
  const storing = new Set<Promise<unknown>>();
  const aborted = new AbortController();
  request.raw.once('close', () => {
    if (!request.raw.complete) aborted.abort(uploadAborted());
  });
  try {
    for await (const part of partsOf(request, limits)) {
      aborted.signal.throwIfAborted();
      if (part.type === 'field') {
        fields[part.fieldname] = String(part.value);
        digest.add(part.fieldname, String(part.value));
        continue;
      }
      const { filename: name, file } = part;
      const spooled = await spool(bounded(wellFormed(file), request, limits), {
        shares: options.spooled,
        caller,
      });
      digest.add(name, spooled.sha256);
      const image = { name, source: name };
      const error = file.truncated ? tooLarge(limits) : notAnImage(spooled.head);
      if (error !== undefined) {
        await spooled.release();
        images.push({ ...image, kind: 'unreadable', error });
        continue;
      }
      const stored = options.client
        .store(spooled, { forJob: options.forJob, signal: aborted.signal })
        .then((found): Input => ({ ...image, ...found }))
        .finally(() => spooled.release());
      images.push(stored);
      const done = stored.catch(() => {}).finally(() => storing.delete(done));
      storing.add(done);
      if (storing.size >= MAX_PARALLEL_PUTS) await Promise.race(storing);
    }
    aborted.signal.throwIfAborted();
    return { images: await Promise.all(images), fields, digest: digest.value() };
  } catch (error) {
    aborted.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(storing);
  }
}

/**
 * Reads an upload whose job already exists, and keeps nothing of it. It is read to its end: a client that is still sending
 * when the connection closes does not see the response and would send everything again.
 * @returns its {@link Upload.digest}.
 * @throws {HttpProblem} if the request exceeds a limit or is malformed.
 */
export async function digestOfUpload(request: FastifyRequest, limits: ServiceLimits): Promise<string> {
  const digest = new FormDigest();
  for await (const part of partsOf(request, limits)) {
    if (part.type === 'field') {
      digest.add(part.fieldname, String(part.value));
      continue;
    }
    const sha = createHash('sha256');
    for await (const chunk of bounded(wellFormed(part.file), request, limits)) sha.update(chunk);
    digest.add(part.filename, sha.digest('hex'));
  }
  return digest.value();
}

class FormDigest {
  readonly #sha = createHash('sha256');

  add(name: string, content: string): void {
    this.#sha.update(`${JSON.stringify([name, content])}\n`);
  }

  value(): string {
    return this.#sha.digest('hex');
  }
}

const partsOf = (request: FastifyRequest, limits: ServiceLimits) =>
  wellFormed(
    request.parts({
      preservePath: true,
      limits: {
        parts: limits.files + MAX_FIELDS,
        files: limits.files,
        fileSize: limits.imageBytes,
        fields: MAX_FIELDS,
        fieldSize: 4096,
      },
    }),
  );

/** Parser errors without a status mean a malformed form. They come between files, or while a file is read. */
async function* wellFormed<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parts;
  } catch (error) {
    if (error instanceof Error && !('statusCode' in error))
      throw new HttpProblem(400, `Malformed form: ${error.message}.`, { cause: error });
    throw error;
  }
}

/** Passes chunks on until the whole request is too large. */
async function* bounded(
  chunks: AsyncIterable<Buffer>,
  { raw }: FastifyRequest,
  { requestBytes }: ServiceLimits,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    if (receivedBytes(raw) > requestBytes) throw tooManyBytes(requestBytes);
    yield chunk;
  }
}

const startBytes = new WeakMap<FastifyRequest['raw'], number>();

/** Call it when the request begins: its connection may have served other requests before. */
export function startCounting({ raw }: FastifyRequest): void {
  startBytes.set(raw, raw.socket.bytesRead);
}

const receivedBytes = (raw: FastifyRequest['raw']): number =>
  raw.socket.bytesRead - (startBytes.get(raw) ?? 0);

const uploadAborted = (): HttpProblem => new HttpProblem(400, 'The upload was interrupted.');

export const tooManyBytes = (requestBytes: number): HttpProblem =>
  new HttpProblem(413, `The request is larger than ${requestBytes} bytes.`, {
    hint: 'Send the images in several requests.',
    headers: { connection: 'close' },
  });

export const tooLarge = ({ imageBytes }: ServiceLimits): ImageError => ({
  code: 'too_large',
  message: `The file is larger than ${imageBytes} bytes.`,
});

/** Judged by content, not by name. */
function notAnImage(head: Buffer): ImageError | undefined {
  const format = imageFormatOf(head);
  return typeof format === 'string' ? undefined : format;
}
