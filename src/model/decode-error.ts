import type { ErrorCode } from '../core/model/outcome.ts';

/** The image, not the world, is at fault: it becomes the error outcome of this image alone. */
export class DecodeError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'DecodeError';
    this.code = code;
  }
}
