import type { ErrorCode } from '../../core/model/outcome.ts';

/** An error of one image, not of its surroundings. It becomes the error outcome of this image. */
export class DecodeError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'DecodeError';
    this.code = code;
  }
}
