/** Structured log lines; pino's shape. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Says nothing. */
export const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
