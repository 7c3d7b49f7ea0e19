import { access } from 'node:fs/promises';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Cloud } from '../../core/cloud/ports.ts';
import type { IndexedLabel, SearchIndex } from '../../core/cloud/search-index.ts';
import { jobTimeMs } from '../../core/job/job-ids.ts';
import { Budget } from '../../core/runtime/budget.ts';
import type { Log } from '../../core/runtime/log.ts';
import {
  type FoundPhotograph,
  findHits,
  photographsOf,
  type Query,
} from '../../photos/find/find-photographs.ts';
import { searchLedger } from '../../photos/find/search-ledger.ts';
import { meantWords, wordsIn } from '../../photos/find/words.ts';
import { callerGone, callerOf } from '../caller.ts';
import { type FoundPage, foundPage } from '../find-views.ts';
import { MAX_FOUND, SEARCH_PLACES } from '../limits.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';
import { Shares } from '../shares.ts';

export interface FindRouteOptions {
  cloud: Cloud;
  log: Log;
  /** Which labels and categories words mean. */
  wantedLabels(words: readonly string[]): (label: IndexedLabel) => boolean;
}

const query = z.strictObject({
  q: z.string().min(1).max(200).describe('Words of one label or category: `dog` finds all breeds.'),
  minScore: z.coerce.number().min(0).max(1).default(0).describe('Labels with a lower score do not count.'),
  limit: z.coerce.number().int().min(1).max(MAX_FOUND).default(60),
  from: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31)
    .default(0)
    .describe('How many photographs to skip: `next` of the page before.'),
});
type FindQuery = z.infer<typeof query>;

/** `GET /v1/find`: photographs of all jobs by label, as `imgcls find`. */
export function findRoutes(plain: FastifyInstance, options: FindRouteOptions): void {
  const places = new Shares({ total: SEARCH_PLACES, what: 'searches under way', retryAfterSeconds: 1 });
  // A search reads the whole index, and adds what is new to it.
  const oneAtATime = new Budget(1);
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/find',
    schema: {
      operationId: 'findPhotographs',
      tags: ['jobs'],
      summary: 'Find photographs of all jobs by words of their labels and categories',
      description:
        'Works on one machine. The newest prediction of each file counts: its best label, and each other one with a score of 20 % or more. The highest scores come first. A page leaves out files that are gone, so it may have fewer photographs than `limit`.',
      querystring: query,
      response: { 200: foundPage, ...problemResponses(...COMMON_STATUSES, 404) },
    },
    async handler(request, reply) {
      const { output, search } = options.cloud;
      if (search === undefined)
        throw new HttpProblem(404, 'This cluster has no search: it works on one machine.', {
          hint: 'DuckDB and Athena read the results in the bucket: docs/query.md has the statements.',
        });
      if (wordsIn(request.query.q).length === 0) return { photographs: [], total: 0 };
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort(callerGone()));
      const { signal } = gone;
      const caller = callerOf(request);
      places.take(caller, 1);
      try {
        await oneAtATime.take(1, signal);
        try {
          const run = (index: SearchIndex) => pageOf(index, request.query, { ...options, signal });
          const onUnreadable = (job: string, error: Error) =>
            options.log.warn({ job, error }, 'Job is not searched.');
          return await searchLedger({ output, search }, run, { signal, onUnreadable });
        } finally {
          oneAtATime.give(1);
        }
      } finally {
        places.giveBack(caller, 1);
      }
    },
  });
}

async function pageOf(
  search: SearchIndex,
  { q, minScore, limit, from }: FindQuery,
  { wantedLabels, signal }: Pick<FindRouteOptions, 'wantedLabels'> & { signal: AbortSignal },
): Promise<FoundPage> {
  const wanted: Query = { isWanted: wantedLabels([q]), minScore, isSearched: () => true };
  const hits = await findHits(search, wanted, signal);
  const some = hits.byScore().drop(from).take(limit);
  const found = await Array.fromAsync(photographsOf(search, some, { atOnce: limit, signal }));
  const photographs = await Promise.all(found.map(unlessGone));
  const meant = hits.count === 0 ? meantWords([q], [...(await search.labels()).values()].flat()) : undefined;
  return {
    photographs: photographs.filter((photograph) => photograph !== undefined),
    total: hits.count,
    ...(from + limit < hits.count && { next: from + limit }),
    ...(meant !== undefined && { didYouMean: meant }),
  };
}

/** Undefined if its file is gone. */
async function unlessGone(photograph: FoundPhotograph) {
  const { place, label, score, best, job, index } = photograph;
  if (place.kind === 'file') {
    const isThere = await access(place.at).then(
      () => true,
      () => false,
    );
    if (!isThere) return undefined;
  }
  return {
    job,
    index,
    name: path.basename(place.at),
    ...(place.kind === 'file' && { path: place.at }),
    ...(label.wnid === undefined ? { category: label.label } : { label: label.label, wnid: label.wnid }),
    ...(best.label !== label.label && { best: best.label }),
    // The index has 32 bits of it.
    score: Math.round(score * 10_000) / 10_000,
    labelledAtMs: jobTimeMs(job),
    thumbnail: `jobs/${job}/images/${index}/thumbnail`,
  };
}
