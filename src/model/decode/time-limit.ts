/** The longest time limit that sharp takes. */
const MAX_SECONDS = 3600;

/** A time limit of a decode as sharp takes it: in whole seconds. */
export const timeLimit = (timeoutMs: number): { seconds: number } => ({
  seconds: Math.min(MAX_SECONDS, Math.ceil(timeoutMs / 1000)),
});
