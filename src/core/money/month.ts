/** Calendar months of UTC, as AWS bills them. */

/** `2026-11` */
export const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);

export const monthStartMs = (month: string): number => Date.parse(`${month}-01T00:00:00Z`);
