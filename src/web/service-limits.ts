/** What one caller, or all of them together, may ask of the service. */
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

/** Images that wait for their immediate answer at once; their bytes are in memory. */
export const CLASSIFIED_AT_ONCE = 32;
/** Input bucket look-ups of one request at once. */
export const LOOKED_UP_AT_ONCE = 16;
/** Of a request that is no upload. */
export const BODY_BYTES = 256 * 1024;
/** Of one that names images: a name and a digest each. */
export const NAMED_IMAGE_BYTES = 1536;
