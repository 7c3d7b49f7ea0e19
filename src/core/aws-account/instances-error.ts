import { ImgclsError } from '../runtime/errors.ts';

/** A call changed only some instances, or none. */
export class InstancesError extends ImgclsError {
  /** Those that it did not change. */
  readonly ids: ReadonlySet<string>;

  constructor({ kind, hint, cause }: ImgclsError, message: string, ids: readonly string[]) {
    super(kind, message, { cause, ...(hint !== undefined && { hint }) });
    this.ids = new Set(ids);
  }
}

/** Resolves with the failure of such a call. @throws every other error. */
export async function failureOf(call: Promise<void>): Promise<InstancesError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof InstancesError) return error;
    throw error;
  }
}

/** The instances that the call changed. */
export const changed = (ids: readonly string[], failure: InstancesError | undefined): readonly string[] =>
  failure === undefined ? ids : ids.filter((id) => !failure.ids.has(id));
