/** Every key and queue name. Those that imgcls creates contain no path or file name of a user. */
import { FIRST_ATTEMPT } from './job.ts';

/** Prefix in the input bucket of the images that submitters store. */
export const IMAGES_PREFIX = 'images/';
export const imageKey = (sha256: string): string => `${IMAGES_PREFIX}${sha256.slice(0, 2)}/${sha256}`;

/** An image that is classified without a job. It is deleted when its caller has the outcome. */
export const CLASSIFY_PREFIX = `${IMAGES_PREFIX}classify/`;
export const classifyKey = (requestId: string): string => `${CLASSIFY_PREFIX}${requestId}`;
/** The labels that its request brings itself. */
export const classifyWordsKey = (requestId: string): string => `${CLASSIFY_PREFIX}${requestId}.words.json`;

/** Prefix in the input bucket of dropped images. The rest of the key is the image's name. */
export const DROP_PREFIX = 'drop/';

export const JOBS_PREFIX = 'jobs/';
export const jobPrefix = (job: string): string => `${JOBS_PREFIX}${job}/`;
export const jobKey = (job: string): string => `jobs/${job}/job.json`;

/** Active marker: one for each job that is not final, so that a controller need not list all jobs. */
export const ACTIVE_PREFIX = 'active/';
export const activeKey = (job: string): string => `${ACTIVE_PREFIX}${job}`;

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** The images of an attempt: all of the job in the first one, the retried ones in each other. */
export const manifestPrefix = (job: string, attempt: number): string =>
  attempt === FIRST_ATTEMPT ? `jobs/${job}/manifest/` : `jobs/${job}/retries/${digits(attempt, 3)}/`;

/** A part of an attempt's manifest. */
export interface PartPlace {
  attempt: number;
  part: number;
}

export const manifestPartKey = (job: string, { attempt, part }: PartPlace): string =>
  `${manifestPrefix(job, attempt)}${digits(part, 6)}.ndjson`;

/** Which submitter announces a share of the job's parts. */
export const shareKey = (job: string, share: number): string => `jobs/${job}/shares/${digits(share, 5)}.json`;

/** The cost of the job's machines: `{ v, usd }`. */
export const jobCostKey = (job: string): string => `jobs/${job}/cost.json`;

/** The labels that a job brings itself. */
export const wordsKey = (job: string): string => `jobs/${job}/words.json`;

/** Marks that the part's requests are in the queue. */
export const announcedKey = (job: string, { attempt, part }: PartPlace): string =>
  `${manifestPrefix(job, attempt)}${digits(part, 6)}.announced`;

/** Parses a key below {@link manifestPrefix}. Undefined if it is neither a part nor its mark. */
export function parsePartKey(key: string): { kind: 'part' | 'announced'; part: number } | undefined {
  const match = /\/(\d{6})\.(ndjson|announced)$/.exec(key);
  if (match === null) return undefined;
  return { kind: match[2] === 'ndjson' ? 'part' : 'announced', part: Number(match[1]) };
}

/** Images `first` to `last`, both included, of one attempt. Their outcomes are in one shard. */
export interface ShardRange {
  attempt: number;
  first: number;
  last: number;
}

/** The part of a job that a message is about. */
export interface BatchPlace {
  job: string;
  range: ShardRange;
}

export const resultsPrefix = (job: string): string => `jobs/${job}/results/`;
/** The shards of one attempt, in index order. */
export const attemptPrefix = (job: string, attempt: number): string =>
  `${resultsPrefix(job)}${digits(attempt, 3)}/`;
export const shardKey = (job: string, { attempt, first, last }: ShardRange): string =>
  `${attemptPrefix(job, attempt)}${digits(first, 9)}-${digits(last, 9)}.ndjson`;

/**
 * An empty object for each shard with errors. A listing of keys gives the number of errors, and a retry reads only these
 * shards. Written before the message of the shard is acknowledged.
 */
export const errorsPrefix = (job: string): string => `jobs/${job}/errors/`;
export const errorsKey = (job: string, { attempt, first, last }: ShardRange, errors: number): string =>
  `${errorsPrefix(job)}${digits(attempt, 3)}/${digits(first, 9)}-${digits(last, 9)}-${digits(errors, 2)}`;

/** The shard and its number of errors. Undefined if the key is another one. */
export function parseErrorsKey(key: string): { range: ShardRange; errors: number } | undefined {
  const match = /\/errors\/(\d{3})\/(\d{9})-(\d{9})-(\d{2})$/.exec(key);
  if (match === null) return undefined;
  const [attempt = 0, first = 0, last = 0, errors = 0] = match.slice(1).map(Number);
  return { range: { attempt, first, last }, errors };
}

/** No shard has more images: the key of its errors marker has two digits for their number. */
const MAX_SHARD_IMAGES = 99;

/** The range in a shard's key. Undefined if the key is not that of a shard. */
export function parseShardKey(key: string): ShardRange | undefined {
  const match = /\/results\/(\d{3})\/(\d{9})-(\d{9})\.ndjson$/.exec(key);
  if (match === null) return undefined;
  const range = { attempt: Number(match[1]), first: Number(match[2]), last: Number(match[3]) };
  const images = range.last - range.first + 1;
  return images > 0 && images <= MAX_SHARD_IMAGES ? range : undefined;
}

/** An empty object for a batch that a worker has begun at one of its last deliveries. */
export const begunKey = ({ job, range: { attempt, first, last } }: BatchPlace): string =>
  `jobs/${job}/begun/${digits(attempt, 3)}/${digits(first, 9)}-${digits(last, 9)}`;

/**
 * One empty object for each worker whose machine failed at a part of a job: at a batch, or at every image of an attempt.
 */
export const returnedPrefix = (job: string, part: ShardRange | { attempt: number }): string => {
  const images = 'first' in part ? `${digits(part.first, 9)}-${digits(part.last, 9)}` : 'all';
  return `jobs/${job}/returned/${digits(part.attempt, 3)}/${images}/`;
};
export const returnedKey = (job: string, part: ShardRange | { attempt: number }, workerId: string): string =>
  `${returnedPrefix(job, part)}${workerId}`;

export const MODELS_PREFIX = 'models/';
export const modelPrefix = (sha256: string): string => `${MODELS_PREFIX}${sha256}/`;

export const FLEET_PREFIX = 'fleet/';
export const workerStatusKey = (workerId: string): string => `${FLEET_PREFIX}${workerId}.json`;
export const CONTROLLER_LOCK_KEY = 'locks/controller.json';
/** An object that never exists: on another server than AWS's every process tries to replace it, which must fail. */
export const TRIAL_KEY = 'locks/trial';
export const CONTROLLER_REPORT_KEY = 'controller/report.json';
export const CONTROLLER_HISTORY_KEY = 'controller/history.json';
export const CONTROLLER_ARRIVALS_KEY = 'controller/arrivals.json';
export const CLUSTER_SETTINGS_KEY = 'controller/settings.json';
export const MODEL_RATES_KEY = 'controller/rates.json';

/** The job that a request with an `Idempotency-Key` has created, by the digest of the key. */
export const IDEMPOTENCY_PREFIX = 'idempotency/';
export const idempotencyKey = (digest: string): string => `${IDEMPOTENCY_PREFIX}${digest}.json`;

export const requestQueueName = (cluster: string): string => `imgcls-${cluster}-request`;
/** The queue of single images whose clients wait for the outcome. */
export const interactiveQueueName = (cluster: string): string => `imgcls-${cluster}-interactive`;
export const deadLetterQueueName = (cluster: string): string => `imgcls-${cluster}-dlq`;
export const responseQueuePrefix = (cluster: string): string => `imgcls-${cluster}-resp-`;
export const responseQueueName = (cluster: string, waiterId: string): string =>
  `${responseQueuePrefix(cluster)}${waiterId}`;
/** The id of a waiter has no hyphen. The queues of a cluster whose name begins with this prefix do have one. */
export const isResponseQueue = (cluster: string, name: string): boolean => {
  const prefix = responseQueuePrefix(cluster);
  return name.startsWith(prefix) && !name.slice(prefix.length).includes('-');
};

/** Records of dead letters, kept after their images got error outcomes. */
export const DEAD_LETTERS_PREFIX = 'dlq/';
export const deadLetterKey = (messageId: string): string => `${DEAD_LETTERS_PREFIX}${messageId}.json`;
