import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Cloud } from '../../core/cloud/ports.ts';
import { anyJobId } from '../../core/job/job.ts';
import type { Outcome } from '../../core/model/outcome.ts';
import { createExporter, type Exporter, type ExportOptions, exportedOutcome } from '../../results/export.ts';
import { requireJob } from '../../results/job-facts.ts';
import { readOutcomes } from '../../results/ledger.ts';
import { compress } from '../compression.ts';
import { addVary, preferredType } from '../negotiation.ts';
import { minScore, type OutcomeView, outcomeView, type ResultsPage, resultsPage } from '../outcome-views.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';

const MEDIA_TYPES = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
} as const;
type Format = keyof typeof MEDIA_TYPES;

/** The formats by the types of `Accept`, the default first. */
const FORMATS = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'text/csv': 'csv',
  'application/vnd.apache.parquet': 'parquet',
} as const;
const ACCEPTED_TYPES = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

const query = z.strictObject({
  /** The first index to return. */
  from: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31)
    .default(0),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  /** Returns all outcomes as a file. Without it the format depends on `Accept`. */
  format: z.enum(['json', 'ndjson', 'csv', 'parquet']).optional(),
  minScore,
});

const PAGE_SIZE = 100;
/** Rows of a row group of Parquet: some 5 MB of memory for each download under way. */
const GROUP_ROWS = 1000;

/** `GET /v1/jobs/{id}/results`: a page of outcomes, or a stream of all. */
export function resultRoutes(plain: FastifyInstance, { cloud }: { cloud: Cloud }): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/jobs/:id/results',
    schema: {
      operationId: 'getResults',
      tags: ['jobs'],
      summary: 'Get the outcomes of a job so far, in input order',
      description:
        'JSON is paged. NDJSON, CSV and Parquet (by `Accept`) are complete unless `limit` is given. With `format` the response is a file download.',
      params: z.object({ id: anyJobId }),
      querystring: query,
      response: {
        200: {
          description: 'Outcomes.',
          content: {
            'application/json': { schema: z.union([resultsPage, z.array(outcomeView)]) },
            'application/x-ndjson': { schema: z.string() },
            'text/csv': { schema: z.string() },
            'application/vnd.apache.parquet': { schema: z.string() },
          },
        },
        ...problemResponses(...COMMON_STATUSES, 404, 406),
      },
    } as never,
    onSend: compress,
    async handler(request, reply) {
      const { id } = request.params as { id: string };
      const { from, limit, format, minScore: unsureBelow } = request.query as z.infer<typeof query>;
      await requireJob(cloud, id);
      const outcomes = readOutcomes(cloud.output, id, { from });
      addVary(reply, 'accept');
      const wanted = format ?? acceptedFormat(request);
      const options = { unsureBelow };
      if (wanted === 'json' && format === undefined)
        return { job: id, ...(await pageOf(outcomes, limit ?? PAGE_SIZE, options)) };
      if (format !== undefined)
        reply.header('content-disposition', `attachment; filename="imgcls-${id}.${format}"`);
      const file = exported(take(outcomes, limit), await exporterOf(wanted, id, options));
      return reply.type(MEDIA_TYPES[wanted]).send(Readable.from(file, { objectMode: false }));
    },
  });
}

/** The format that the caller likes best. */
function acceptedFormat(request: FastifyRequest): Format {
  const type = preferredType(request, ACCEPTED_TYPES);
  if (type !== undefined) return FORMATS[type];
  throw new HttpProblem(
    406,
    'Results are available as application/json, application/x-ndjson, text/csv or application/vnd.apache.parquet.',
  );
}

async function pageOf(
  outcomes: AsyncIterable<Outcome>,
  limit: number,
  options: ExportOptions,
): Promise<Omit<ResultsPage, 'job'>> {
  const page: OutcomeView[] = [];
  for await (const outcome of outcomes) {
    if (page.length === limit) return { outcomes: page, next: outcome.index };
    page.push(exportedOutcome(outcome, options) as OutcomeView);
  }
  return { outcomes: page };
}

async function* take<T>(items: AsyncIterable<T>, limit = Number.POSITIVE_INFINITY): AsyncGenerator<T> {
  let count = 0;
  for await (const item of items) {
    if (count++ === limit) return;
    yield item;
  }
}

async function exporterOf(
  format: Format,
  job: string,
  options: ExportOptions,
): Promise<Exporter<string | Uint8Array>> {
  if (format !== 'parquet') return createExporter(format, options);
  const { parquetExporter } = await import('../../results/parquet.ts');
  return parquetExporter({ ...options, job, groupRows: GROUP_ROWS });
}

async function* exported(
  outcomes: AsyncIterable<Outcome>,
  exporter: Exporter<string | Uint8Array>,
): AsyncGenerator<string | Uint8Array> {
  yield exporter.begin();
  for await (const outcome of outcomes) {
    const part = exporter.row(outcome);
    if (part.length > 0) yield part;
  }
  yield exporter.end();
}
