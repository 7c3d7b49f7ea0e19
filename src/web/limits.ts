// The limits of the service. `GET /v1/server` shows those that a caller can meet.

import * as z from 'zod';

/** Limits that the operator sets. */
export interface ServiceLimits {
  imageBytes: number;
  requestBytes: number;
  files: number;
  classifyBytes: number;
  classifyTimeoutMs: number;
  /** Event streams open at once. */
  streams: number;
  requestsPerMinute: number;
}

/** One caller can take this part of what all callers share, so that no caller can shut the others out. */
export const CALLER_SHARE = 0.5;

/** Images of `POST /v1/classify` under way at a time: as many as a worker classifies within a few seconds. */
export const CLASSIFY_PLACES = 32;
/**
 * Images of one caller that are with the workers at a time. One machine has one worker, which holds four: one place is
 * always left for another caller. On AWS there are more workers, and a message takes longer.
 */
export const CLASSIFY_AT_A_TIME = { local: 3, aws: CLASSIFY_PLACES } as const;
/** Bytes of the bodies of `POST /v1/classify`, received or announced. They are in memory, for a moment twice. */
export const classifyBodyBytes = ({ classifyBytes }: ServiceLimits): number =>
  Math.max(64 * 1024 * 1024, classifyBytes / CALLER_SHARE);

/** Files of one upload that are stored at a time while the next one is received. */
export const MAX_PARALLEL_PUTS = 8;
/** Bytes of uploads in temporary files: two requests of each of two callers, with the largest images throughout. */
export const spoolBytes = ({ imageBytes }: ServiceLimits): number =>
  (2 / CALLER_SHARE) * (MAX_PARALLEL_PUTS + 1) * imageBytes;

/**
 * Sets of new labels whose vectors are made or wait for it: one is made at a time, which takes from a second to minutes. Sets that
 * are known take no place.
 */
export const LABEL_PLACES = 8;
/** A request that has waited longer for its labels gets 503. They are made all the same, for when it is repeated. */
export const LABELS_WAIT_MS = 45_000;

/**
 * Jobs whose images are fetched from the web at a time. Each fetches as many as it stores at a time (`concurrency`), and holds
 * up to 8 MiB of each in memory.
 */
export const FETCHING_JOBS = 4;

/** Small pictures that are made or wait for it, from requests that are answered: a screen of 10,000 images has some hundred. */
export const PICTURE_PLACES = 512;
/** A request that has waited longer gets 503. */
export const PICTURE_WAIT_MS = 20_000;
/** Small pictures in memory: some 4,000 thumbnails. */
export const PICTURE_CACHE_BYTES = 64 * 1024 * 1024;

/** Searches that run or wait: one runs at a time, and takes a second for a million predictions. */
export const SEARCH_PLACES = 16;
/** Photographs on a page of what was found. */
export const MAX_FOUND = 200;

/** Wrong tokens of one address. A person mistypes a few; a guesser needs billions. */
export const WRONG_TOKENS_PER_MINUTE = 20;

/** Parallel look-ups of one request in the input bucket. */
export const MAX_PARALLEL_LOOKUPS = 16;
/** Body size of a request that is not an upload. */
export const MAX_BODY_BYTES = 256 * 1024;
/** Inputs that a job names, such as web addresses. They stand in its record, which lists of jobs read. */
export const MAX_INPUTS = 1000;
export const MAX_INPUT_CHARACTERS = 2048;
/** Of all inputs of a request, with quotes, commas and space between them. */
export const INPUTS_BYTES = MAX_INPUTS * (MAX_INPUT_CHARACTERS + 4);
/** Body size per image of a request that names images: a name and a digest. */
export const BYTES_PER_NAMED_IMAGE = 1536;

/** A body that is slower on average, not counting its first seconds, has its connection closed. */
export const MIN_BODY_BYTES_PER_SECOND = 1024;
export const BODY_GRACE_MS = 15_000;

/** An idle connection is closed after this time. The heartbeats of event streams are more frequent. */
export const IDLE_TIMEOUT_MS = 60_000;
/** To answer a caller whose image was not classified in time. */
const ANSWER_TIME_MS = 15_000;
/** A connection that waits for `POST /v1/classify` is idle, and must outlive its time limit. */
export const connectionTimeoutMs = ({ classifyTimeoutMs }: ServiceLimits): number =>
  Math.max(IDLE_TIMEOUT_MS, classifyTimeoutMs + ANSWER_TIME_MS);

const count = z.int().nonnegative();

/** What callers can know before they meet a limit. */
export const serverLimits = z.object({
  imageBytes: count,
  requestBytes: count,
  files: count,
  /** Size and time of an image of `POST /v1/classify`. */
  classifyBytes: count,
  classifyTimeoutMs: count,
  /** Images, and bytes of images, that `POST /v1/classify` takes at a time. */
  classifyPlaces: count,
  classifyBodyBytes: count,
  /** Images of one caller that are with the workers at a time; further ones wait for their turn. */
  classifyAtATime: count,
  /** Sets of new labels that are prepared or wait for it at a time. */
  labelPlaces: count,
  /** Thumbnails and previews that are made or wait for it at a time. */
  picturePlaces: count,
  /** Jobs whose images are fetched from the web at a time. */
  fetchingJobs: count,
  /** Searches that run or wait at a time. */
  searchPlaces: count,
  /** Bytes of uploads that are received and not stored yet. */
  spoolBytes: count,
  /** Open event streams. */
  streams: count,
  /** The part of the places, bytes and streams above that one address can have. */
  callerShare: z.number(),
  /** Inputs that a job names in JSON. */
  namedInputs: count,
  /** Size of the body of any other request; one that names images may have these more bytes for each. */
  bodyBytes: count,
  bodyBytesPerNamedImage: count,
  /** The least speed of a body on average, not counting its first milliseconds. */
  bodyBytesPerSecond: count,
  bodyGraceMs: count,
  /** An idle connection is closed after this time. */
  idleTimeoutMs: count,
  /** Of one address. */
  requestsPerMinute: count,
  wrongTokensPerMinute: count,
});

export const limitsOf = (
  limits: ServiceLimits,
  cloud: keyof typeof CLASSIFY_AT_A_TIME,
): z.infer<typeof serverLimits> => ({
  ...limits,
  classifyPlaces: CLASSIFY_PLACES,
  classifyBodyBytes: classifyBodyBytes(limits),
  classifyAtATime: CLASSIFY_AT_A_TIME[cloud],
  labelPlaces: LABEL_PLACES,
  picturePlaces: PICTURE_PLACES,
  fetchingJobs: FETCHING_JOBS,
  searchPlaces: SEARCH_PLACES,
  spoolBytes: spoolBytes(limits),
  callerShare: CALLER_SHARE,
  namedInputs: MAX_INPUTS,
  bodyBytes: MAX_BODY_BYTES,
  bodyBytesPerNamedImage: BYTES_PER_NAMED_IMAGE,
  bodyBytesPerSecond: MIN_BODY_BYTES_PER_SECOND,
  bodyGraceMs: BODY_GRACE_MS,
  idleTimeoutMs: connectionTimeoutMs(limits),
  wrongTokensPerMinute: WRONG_TOKENS_PER_MINUTE,
});
