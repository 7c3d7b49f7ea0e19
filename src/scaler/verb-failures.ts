import { ImgclsError, messageAndHint, messageOf } from '../core/runtime/errors.ts';

/** What a controller does in a tick. Each verb may fail by itself. */
export type Verb = 'settle' | 'retire' | 'launch' | 'reap' | 'report';

export interface VerbFailure {
  verb: Verb;
  error: unknown;
}

const WHAT: Readonly<Record<Verb, string>> = {
  settle: 'resolve a launch whose answer was lost',
  retire: 'retire machines',
  launch: 'launch machines',
  reap: 'end lost machines',
  report: 'write the report',
};

/** Collects what failed in a tick, so that a failed verb neither stops the others nor stays unsaid. */
export class VerbFailures {
  readonly all: VerbFailure[] = [];

  /** Undefined if it failed. */
  async attempt<T>(verb: Verb, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.all.push({ verb, error });
      return undefined;
    }
  }

  get warnings(): string[] {
    return this.all.map(
      ({ verb, error }) =>
        `Failed to ${WHAT[verb]}: ${error instanceof ImgclsError ? messageAndHint(error) : messageOf(error)}`,
    );
  }
}
