export const DAY_MS = 24 * 3600_000;

/** Image bytes leave the input bucket so long after they were written or refreshed. */
export const INPUT_RETENTION_MS = 30 * DAY_MS;

/** Older ones are refreshed before a new job relies on them. */
export const REFRESH_AFTER_MS = INPUT_RETENTION_MS / 2;
