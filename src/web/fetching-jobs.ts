import type { Job } from '../client/job.ts';
import { isWebAddress } from '../core/network/web-address.ts';
import { FETCHING_JOBS } from './limits.ts';
import { Shares } from './shares.ts';

/** Whether images of the inputs may have to be fetched: a list on standard input may have named web addresses, too. */
export const mayFetch = (inputs: readonly string[]): boolean =>
  inputs.some((input) => isWebAddress(input) || input === '-');

/** Limits how many jobs fetch images of the web at a time: servers may be slow, and images take memory. */
export class FetchingJobs {
  readonly #shares = new Shares({
    total: FETCHING_JOBS,
    what: 'jobs whose images are being fetched from the web',
    retryAfterSeconds: 30,
  });

  /**
   * Starts a job that may have web addresses among its inputs.
   * @throws {HttpProblem} if the caller has too many such jobs under way.
   */
  async start<T extends Pick<Job, 'submitted'> | undefined>(
    caller: string,
    inputs: readonly string[],
    submit: () => Promise<T>,
  ): Promise<T> {
    if (!mayFetch(inputs)) return await submit();
    this.#shares.take(caller, 1);
    const end = () => this.#shares.giveBack(caller, 1);
    try {
      const job = await submit();
      void (job?.submitted ?? Promise.resolve()).then(end, end);
      return job;
    } catch (error) {
      end();
      throw error;
    }
  }
}
