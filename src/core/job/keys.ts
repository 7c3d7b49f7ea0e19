/** Every key and queue name of the system. None that we make contains a user's path or file name. */
import { FIRST_ATTEMPT } from './job.ts';

/** Of the input bucket: images that submitters have stored there. */
export const IMAGES_PREFIX = 'images/';
export const imageKey = (sha256: string): string => `${IMAGES_PREFIX}${sha256.slice(0, 2)}/${sha256}`;

/** Images that others put into the input bucket, to be classified as they come. What follows is their own name. */
export const DROP_PREFIX = 'drop/';

export const JOBS_PREFIX = 'jobs/';
export const jobPrefix = (job: string): string => `${JOBS_PREFIX}${job}/`;
export const jobKey = (job: string): string => `jobs/${job}/job.json`;

/** One marker for each job that is not final, so that a controller need not list every job there ever was. */
export const ACTIVE_PREFIX = 'active/';
export const activeKey = (job: string): string => `${ACTIVE_PREFIX}${job}`;

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** The images of an attempt: all of the job in the first, those that are tried again in another. */
export const manifestPrefix = (job: string, attempt: number): string =>
  attempt === FIRST_ATTEMPT ? `jobs/${job}/manifest/` : `jobs/${job}/retries/${digits(attempt, 3)}/`;

/** A part of an attempt's manifest. */
export interface PartPlace {
  attempt: number;
  part: number;
}

export const manifestPartKey = (job: string, { attempt, part }: PartPlace): string =>
  `${manifestPrefix(job, attempt)}${digits(part, 6)}.ndjson`;
/** What the job has cost in machines: `{ v, usd }`. */
export const jobCostKey = (job: string): string => `jobs/${job}/cost.json`;

/** The part's batches are in the request queue. */
export const announcedKey = (job: string, { attempt, part }: PartPlace): string =>
  `${manifestPrefix(job, attempt)}${digits(part, 6)}.announced`;

/** What a key below {@link manifestPrefix} is, or undefined where it is neither a part nor the mark of one. */
export function parsePartKey(key: string): { kind: 'part' | 'announced'; part: number } | undefined {
  const match = /\/(\d{6})\.(ndjson|announced)$/.exec(key);
  if (match === null) return undefined;
  return { kind: match[2] === 'ndjson' ? 'part' : 'announced', part: Number(match[1]) };
}

/** Where the outcomes of images `first` to `last`, both included, of one attempt stand. */
export interface ShardRange {
  attempt: number;
  first: number;
  last: number;
}

export const resultsPrefix = (job: string): string => `jobs/${job}/results/`;
/** The shards of one attempt, in index order. */
export const attemptPrefix = (job: string, attempt: number): string =>
  `${resultsPrefix(job)}${digits(attempt, 3)}/`;
export const shardKey = (job: string, { attempt, first, last }: ShardRange): string =>
  `${attemptPrefix(job, attempt)}${digits(first, 9)}-${digits(last, 9)}.ndjson`;

/**
 * An empty object for a shard that holds errors, so that their number is known from listing keys, and a retry reads no
 * other shard. Written before the message of the shard is acknowledged.
 */
export const errorsPrefix = (job: string): string => `jobs/${job}/errors/`;
export const errorsKey = (job: string, { attempt, first, last }: ShardRange, errors: number): string =>
  `${errorsPrefix(job)}${digits(attempt, 3)}/${digits(first, 9)}-${digits(last, 9)}-${digits(errors, 2)}`;

/** The shard and its number of errors, or undefined where the key is of something else. */
export function parseErrorsKey(key: string): { range: ShardRange; errors: number } | undefined {
  const match = /\/errors\/(\d{3})\/(\d{9})-(\d{9})-(\d{2})$/.exec(key);
  if (match === null) return undefined;
  const [attempt = 0, first = 0, last = 0, errors = 0] = match.slice(1).map(Number);
  return { range: { attempt, first, last }, errors };
}

/** The range that a shard's key names, or undefined where the key is none of a shard. */
export function parseShardKey(key: string): ShardRange | undefined {
  const match = /\/results\/(\d{3})\/(\d{9})-(\d{9})\.ndjson$/.exec(key);
  if (match === null) return undefined;
  const range = { attempt: Number(match[1]), first: Number(match[2]), last: Number(match[3]) };
  return range.first <= range.last ? range : undefined;
}

export const modelPrefix = (sha256: string): string => `models/${sha256}/`;

export const FLEET_PREFIX = 'fleet/';
export const workerStatusKey = (workerId: string): string => `${FLEET_PREFIX}${workerId}.json`;
export const CONTROLLER_LOCK_KEY = 'locks/controller.json';
export const CONTROLLER_REPORT_KEY = 'controller/report.json';
export const CONTROLLER_HISTORY_KEY = 'controller/history.json';

/** Which job a request with an `Idempotency-Key` has made, by the key's digest. */
export const IDEMPOTENCY_PREFIX = 'idempotency/';
export const idempotencyKey = (digest: string): string => `${IDEMPOTENCY_PREFIX}${digest}.json`;

export const requestQueueName = (cluster: string): string => `imgcls-${cluster}-request`;
/** Images that somebody waits for one by one. */
export const interactiveQueueName = (cluster: string): string => `imgcls-${cluster}-interactive`;
export const deadLetterQueueName = (cluster: string): string => `imgcls-${cluster}-dlq`;
export const responseQueuePrefix = (cluster: string): string => `imgcls-${cluster}-resp-`;
export const responseQueueName = (cluster: string, waiterId: string): string =>
  `${responseQueuePrefix(cluster)}${waiterId}`;
/** A waiter's id has no hyphen; a cluster whose name begins like this prefix has its own queues below it. */
export const isResponseQueue = (cluster: string, name: string): boolean => {
  const prefix = responseQueuePrefix(cluster);
  return name.startsWith(prefix) && !name.slice(prefix.length).includes('-');
};

/** A dead letter, kept after its images got their error outcomes. */
export const DEAD_LETTERS_PREFIX = 'dlq/';
export const deadLetterKey = (messageId: string): string => `${DEAD_LETTERS_PREFIX}${messageId}.json`;
