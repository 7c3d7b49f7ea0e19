import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Client } from '../../client/client.ts';
import { imageFormatOf } from '../../core/model/image-format.ts';
import { isError, MAX_TOP_K } from '../../core/model/outcome.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { type ImgclsError, isTransient } from '../../core/runtime/errors.ts';
import { exportedOutcome } from '../../results/export.ts';
import { callerGone, callerNames, callerOf } from '../caller.ts';
import { CLASSIFY_PLACES, classifyBodyBytes, type ServiceLimits } from '../limits.ts';
import { labelsIn, type ModelSelector } from '../model-selector.ts';
import { type Classification, classification, minScore } from '../outcome-views.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';
import { Shares } from '../shares.ts';
import { Turns } from '../turns.ts';

/** As in a form (open-api.ts). Addresses have at most 16 KB. */
const MAX_LABELS_CHARACTERS = 4096;

export interface ClassifyRouteOptions {
  client: Client;
  limits: ServiceLimits;
  topK: number;
  selectModel: ModelSelector;
  newId(): string;
  /** Images of one caller that are with the workers at a time. */
  imagesAtATime: number;
  clock: Clock;
}

const query = z.strictObject({
  topK: z.coerce.number().int().min(1).max(MAX_TOP_K).optional(),
  model: z.string().min(1).max(70).optional(),
  labels: z
    .string()
    .min(1)
    .max(MAX_LABELS_CHARACTERS)
    .optional()
    .describe('To choose from, separated by commas, for a model without labels of its own (CLIP, SigLIP).'),
  minScore,
});

/** `POST /v1/classify`: classifies one image within the request. */
export function classifyRoutes(plain: FastifyInstance, options: ClassifyRouteOptions): void {
  const { client, limits } = options;
  const takePlace = createPlaces(limits);
  const nameOf = callerNames(options.newId());
  const { imagesAtATime: atATime, clock } = options;
  const turns = new Turns({ atATime, timeoutMs: limits.classifyTimeoutMs, clock });
  plain.register((scope, _options, done) => {
    // The content type is not trusted: the handler checks the bytes.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      /^(image\/[\w.+-]+|application\/octet-stream)/,
      { parseAs: 'buffer', bodyLimit: limits.classifyBytes },
      (_request, body, parsed) => parsed(null, body),
    );
    scope.withTypeProvider<ZodTypeProvider>().route({
      method: 'POST',
      url: '/v1/classify',
      bodyLimit: limits.classifyBytes,
      schema: {
        operationId: 'classify',
        tags: ['classify'],
        summary: 'Classify one small image immediately',
        description: 'The body is the image. It takes precedence over jobs, and it is not stored.',
        consumes: ['image/*', 'application/octet-stream'],
        querystring: query,
        response: {
          200: { description: 'The labels.', content: { 'application/json': { schema: classification } } },
          ...problemResponses(...COMMON_STATUSES, 404, 413, 415, 422, 504),
        },
      } as never,
      onRequest: takePlace,
      async handler(request, reply) {
        const bytes = request.body as Buffer | undefined;
        const {
          topK: k = options.topK,
          model: title,
          labels,
          minScore: unsureBelow,
        } = request.query as z.infer<typeof query>;
        if (bytes === undefined || bytes.length === 0)
          throw new HttpProblem(400, 'The request has no body. Send an image.');
        const format = imageFormatOf(bytes);
        if (typeof format !== 'string') throw new HttpProblem(422, format.message, { code: format.code });
        const disconnected = new AbortController();
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) disconnected.abort(callerGone());
        });
        try {
          const caller = nameOf(request);
          const { signal } = disconnected;
          const own = labels === undefined ? undefined : labelsIn(labels);
          const wanted = { title, labels: own, caller: callerOf(request) };
          const outcome = await turns.run(caller, signal, async (leftMs) => {
            const chosen = await options.selectModel({ ...wanted, waitMs: leftMs() });
            const timeoutMs = leftMs();
            const one = { ...chosen, topK: k, trace: request.id, caller, timeoutMs, signal };
            return await client.classify({ name: '', bytes }, one);
          });
          if (isError(outcome)) {
            const { code, message } = outcome.error;
            throw new HttpProblem(code === 'model_unavailable' ? 503 : 422, message, { code });
          }
          const {
            index: _index,
            name: _name,
            ...found
          } = exportedOutcome(outcome, { unsureBelow }) as Classification & {
            index: number;
            name: string;
          };
          return await reply.send(found);
        } catch (error) {
          if (!isTransient(error)) throw error;
          throw new HttpProblem(504, (error as ImgclsError).message, {
            hint: (error as ImgclsError).hint,
            cause: error,
          });
        }
      },
    });
    done();
  });
}

/**
 * Takes a place and the bytes of its body for each request, before the body is read, until the response is sent or the
 * connection is closed.
 */
function createPlaces(limits: ServiceLimits) {
  const places = new Shares({
    total: CLASSIFY_PLACES,
    what: 'images under way',
    retryAfterSeconds: 1,
  });
  const bodies = new Shares({
    total: classifyBodyBytes(limits),
    what: 'bytes of images under way',
    retryAfterSeconds: 1,
  });
  return async (request: FastifyRequest, { raw }: FastifyReply): Promise<void> => {
    const caller = callerOf(request);
    const { 'content-length': announced = limits.classifyBytes } = request.headers;
    // A larger body is refused unread.
    const bytes = Math.min(Number(announced), limits.classifyBytes);
    places.take(caller, 1);
    raw.once('close', () => places.giveBack(caller, 1));
    bodies.take(caller, bytes);
    raw.once('close', () => bodies.giveBack(caller, bytes));
  };
}
