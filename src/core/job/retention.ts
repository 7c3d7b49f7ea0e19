export const DAY_MS = 24 * 3600_000;

/** Image bytes expire this long after they were written or refreshed. */
export const INPUT_RETENTION_MS = 30 * DAY_MS;

/** Image bytes older than this are refreshed when a new job uses them. */
export const REFRESH_AFTER_MS = INPUT_RETENTION_MS / 2;
