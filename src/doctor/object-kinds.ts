// What imgcls keeps under its prefixes, how it is read, and what to do about anything else there.

import type * as z from 'zod';
import type { Store } from '../core/cloud/ports.ts';
import { readObject } from '../core/cloud/read-object.ts';
import { readControllerLock } from '../core/fleet/controller-lock.ts';
import { controllerReport, fleetHistory, workerStatus } from '../core/fleet/fleet.ts';
import { clusterSettings } from '../core/fleet/settings-document.ts';
import { deadLetter } from '../core/job/dead-letter.ts';
import { FIRST_ATTEMPT, shareClaim } from '../core/job/job.ts';
import { readJob } from '../core/job/job-record.ts';
import { parsePartKey, parseShardKey } from '../core/job/keys.ts';
import { readPart } from '../core/job/manifest.ts';
import { readShard } from '../core/job/shard.ts';
import { jobCost } from '../core/money/job-cost.ts';
import { InvalidObjectError } from '../core/runtime/errors.ts';
import { parseVersioned } from '../core/runtime/versioned.ts';
import { arrivalLog } from '../scaler/forecast/arrival-log.ts';

/** One kind of object. */
export interface ObjectKind {
  /** Of the whole key. Its groups are passed on. */
  pattern: RegExp;
  /** Fails if the content is not valid. Absent: any content is. */
  read?(store: Store, key: string, groups: KeyGroups): Promise<unknown>;
  /** Only those of unfinished jobs are read: there may be a million others, and the commands for their jobs name them. */
  isReadUntilFinished?: true;
  /** What to do if the content is not valid. */
  remedy?(groups: KeyGroups): string;
}

export interface KeyGroups {
  job?: string;
  attempt?: string;
  id?: string;
}

/** A prefix, its kinds, and what to do about objects of no kind. */
export interface Place {
  bucket: 'input' | 'output';
  prefix: string;
  kinds: readonly ObjectKind[];
  otherwise: string;
}

const ULID = '[0-9A-HJKMNP-TV-Z]{26}';
const BATCH = '\\d{9}-\\d{9}';
const inJob = (rest: string) => new RegExp(`^jobs/(?<job>${ULID}|drop-\\d{4}-\\d\\d-\\d\\d)/${rest}$`);

const document =
  (schema: z.ZodType, what: string) =>
  (store: Store, key: string): Promise<unknown> =>
    readObject(store, key, (text) => parseVersioned(schema, text, what));

const replaced = () => 'The controller replaces it.';
const removeJob = ({ job }: KeyGroups) => `Run "imgcls rm --force ${job}" to delete the job.`;

const JOB_KINDS: readonly ObjectKind[] = [
  {
    pattern: inJob('job\\.json'),
    read: (store, _key, { job = '' }) => readJob(store, job),
    remedy: removeJob,
  },
  { pattern: inJob('cost\\.json'), read: document(jobCost, 'cost of the job'), remedy: replaced },
  {
    pattern: inJob('(?:manifest|retries/(?<attempt>\\d{3}))/\\d{6}\\.ndjson'),
    read: (store, key, { job = '', attempt = FIRST_ATTEMPT }) =>
      readPart(store, job, { attempt: Number(attempt), part: parsePartKey(key)?.part ?? 0 }),
    isReadUntilFinished: true,
    remedy: (groups) => `Its images cannot be sent again. ${removeJob(groups)}`,
  },
  {
    pattern: inJob(`results/\\d{3}/${BATCH}\\.ndjson`),
    async read(store, key, { job = '' }) {
      const range = parseShardKey(key);
      if (range === undefined)
        throw new InvalidObjectError(store.bucket, key, 'Its range is not that of a batch.');
      await readShard(store, job, range);
    },
    isReadUntilFinished: true,
    remedy: ({ job }) =>
      `Its images get errors. When the job is finished, run "imgcls results ${job}", then "imgcls retry ${job}".`,
  },
  { pattern: inJob('(?:manifest|retries/\\d{3})/\\d{6}\\.announced') },
  {
    pattern: inJob('shares/\\d{5}\\.json'),
    read: document(shareClaim, 'claim of a share'),
    isReadUntilFinished: true,
    remedy: ({ job }) => `Delete it, then run "imgcls resume ${job}".`,
  },
  { pattern: inJob(`errors/\\d{3}/${BATCH}-\\d\\d`) },
  { pattern: inJob(`begun/\\d{3}/${BATCH}`) },
  { pattern: inJob(`returned/\\d{3}/(?:all|${BATCH})/.+`) },
];

const IGNORED = 'imgcls ignores it. Delete it if it is not needed.';
const deletedAfter = (time: string) => `The controller deletes it ${time} after its last change.`;

export const PLACES: readonly Place[] = [
  { bucket: 'output', prefix: 'jobs/', kinds: JOB_KINDS, otherwise: IGNORED },
  {
    bucket: 'output',
    prefix: 'active/',
    kinds: [{ pattern: new RegExp(`^active/${ULID}$`) }],
    otherwise: deletedAfter('a day'),
  },
  {
    bucket: 'output',
    prefix: 'fleet/',
    kinds: [
      {
        pattern: /^fleet\/[^/]+\.json$/,
        read: document(workerStatus, 'worker status'),
        remedy: () => deletedAfter('an hour'),
      },
    ],
    otherwise: deletedAfter('an hour'),
  },
  {
    bucket: 'output',
    prefix: 'locks/',
    kinds: [
      {
        pattern: /^locks\/controller\.json$/,
        read: (store) => readControllerLock(store),
        remedy: () => 'The next controller replaces it as soon as it expires: start one with "imgcls scale".',
      },
    ],
    otherwise: IGNORED,
  },
  {
    bucket: 'output',
    prefix: 'controller/',
    kinds: [
      {
        pattern: /^controller\/report\.json$/,
        read: document(controllerReport, 'controller report'),
        remedy: replaced,
      },
      {
        pattern: /^controller\/history\.json$/,
        read: document(fleetHistory, 'fleet history'),
        remedy: replaced,
      },
      {
        pattern: /^controller\/arrivals\.json$/,
        read: document(arrivalLog, 'log of arrivals'),
        remedy: replaced,
      },
      {
        pattern: /^controller\/settings\.json$/,
        read: document(clusterSettings, "document of the cluster's settings"),
        remedy: () => 'Run "imgcls cluster unset --all", then set them again with "imgcls cluster set".',
      },
    ],
    otherwise: IGNORED,
  },
  {
    bucket: 'output',
    prefix: 'dlq/',
    kinds: [
      {
        pattern: /^dlq\/(?<id>[^/]+)\.json$/,
        read: document(deadLetter, 'dead letter'),
        remedy: ({ id }) => `Run "imgcls dlq purge ${id}" to delete it.`,
      },
    ],
    otherwise: IGNORED,
  },
  {
    bucket: 'output',
    prefix: 'idempotency/',
    kinds: [{ pattern: /^idempotency\/[0-9a-f]{64}\.json$/ }],
    otherwise: deletedAfter('a day'),
  },
  {
    bucket: 'input',
    prefix: 'images/',
    kinds: [{ pattern: /^images\/(?:[0-9a-f]{2}\/[0-9a-f]{64}|classify\/.+)$/ }],
    otherwise: 'imgcls ignores it. The bucket deletes it at the age of images.',
  },
];
