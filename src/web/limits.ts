/** What one caller, or all of them together, may ask of the service. */
export interface Limits {
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
/** Of a request that is no upload. */
export const BODY_BYTES = 256 * 1024;
