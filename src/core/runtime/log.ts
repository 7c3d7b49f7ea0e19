/** Structured log lines, as pino has them. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Writes nothing. */
export const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
