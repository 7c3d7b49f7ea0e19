import type { JobRequest, JobView } from '../../api.ts';
import { callService } from './call-service.ts';

/** Submits images that are in S3 as a job. @throws {ServiceError} */
export const submitNamed = (request: JobRequest): Promise<JobView> =>
  callService<JobView>('/jobs/named', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
