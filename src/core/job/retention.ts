export const DAY_MS = 24 * 3600_000;

/** On one machine image bytes expire this long after they were written or refreshed. */
export const INPUT_RETENTION_MS = 30 * DAY_MS;

/** How many days a new cluster on AWS keeps image bytes (`imgcls deploy --keep-inputs`). */
export const KEEP_INPUTS_DAYS = 3;

/** Image bytes that a new job uses are refreshed after half of their time. Default: on one machine. */
export const refreshDueMs = ({
  modifiedAtMs,
  expiresAtMs = modifiedAtMs + INPUT_RETENTION_MS,
}: Lifetime): number => (modifiedAtMs + expiresAtMs) / 2;

interface Lifetime {
  modifiedAtMs: number;
  /** Absent if the store does not know it. */
  expiresAtMs?: number;
}
