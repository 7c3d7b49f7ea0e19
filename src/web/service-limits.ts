/** Limits of the service. */
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

/** Images of `POST /v1/classify` that wait at a time, at most. Their bytes are in memory. */
export const MAX_PARALLEL_CLASSIFY = 32;
/** Parallel look-ups of one request in the input bucket. */
export const MAX_PARALLEL_LOOKUPS = 16;
/** Body size of a request that is not an upload. */
export const MAX_BODY_BYTES = 256 * 1024;
/** Body size per image of a request that names images: a name and a digest. */
export const BYTES_PER_NAMED_IMAGE = 1536;
