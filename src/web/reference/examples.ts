/** A command for each operation. `IMGCLS` is the address of the service, and `JOB` the id of a job. */
const EXAMPLES: Readonly<Record<string, string>> = {
  submitJob: 'curl -F files=@cat.jpg -F files=@coffee.jpg -F topK=3 "$IMGCLS/v1/jobs"',
  submitNamedJob: `curl -H 'content-type: application/json' -d '{"inputs":["s3://photos/2026/"]}' "$IMGCLS/v1/jobs/named"`,
  submitSamples: 'curl -X POST "$IMGCLS/v1/samples"',
  listJobs: 'curl "$IMGCLS/v1/jobs?limit=5"',
  getJob: 'curl "$IMGCLS/v1/jobs/$JOB"',
  cancelJob: 'curl -X POST "$IMGCLS/v1/jobs/$JOB/cancel"',
  retryJob: 'curl -X POST "$IMGCLS/v1/jobs/$JOB/retry"',
  deleteJob: 'curl -X DELETE "$IMGCLS/v1/jobs/$JOB"',
  getResults: `curl -H 'accept: text/csv' "$IMGCLS/v1/jobs/$JOB/results?minScore=0.5"`,
  findPhotographs: 'curl "$IMGCLS/v1/find?q=dog&minScore=0.5"',
  followJob: 'curl -N "$IMGCLS/v1/jobs/$JOB/events"',
  getImage: 'curl -o image.jpg "$IMGCLS/v1/jobs/$JOB/images/0"',
  getImagePlace: 'curl "$IMGCLS/v1/jobs/$JOB/images/0/place"',
  getThumbnail: 'curl -o thumbnail.jpg "$IMGCLS/v1/jobs/$JOB/images/0/thumbnail"',
  getPreview: 'curl -o preview.jpg "$IMGCLS/v1/jobs/$JOB/images/0/preview"',
  classify: `curl --data-binary @cat.jpg -H 'content-type: image/jpeg' "$IMGCLS/v1/classify?topK=3"`,
  offerUploads: `curl -H 'content-type: application/json' -d '{"images":[{"sha256":"e85d99c1518e899b172bc798390b30deae56be3342df03bee3f774a01c324b1e","bytes":48591}]}' "$IMGCLS/v1/uploads"`,
  getServer: 'curl "$IMGCLS/v1/server"',
  getStatus: 'curl "$IMGCLS/v1/status"',
  listModels: 'curl "$IMGCLS/v1/models"',
  openSession: `curl -c cookies -H 'content-type: application/json' -d "{\\"token\\":\\"$TOKEN\\"}" "$IMGCLS/v1/session"`,
  closeSession: 'curl -b cookies -X DELETE "$IMGCLS/v1/session"',
  isAlive: 'curl "$IMGCLS/healthz"',
  isReady: 'curl "$IMGCLS/readyz"',
  getMetrics: 'curl "$IMGCLS/metrics"',
};

/** Operations without the token: health checks, and those for the token itself. */
const OPEN = new Set(['openSession', 'closeSession', 'isAlive', 'isReady']);

/** @param hasToken whether callers need the token. Undefined for an operation without an example. */
export function exampleOf(operation: string, hasToken: boolean): string | undefined {
  const example = EXAMPLES[operation];
  if (!hasToken || OPEN.has(operation)) return example;
  return example?.replace(/^curl/, 'curl -H "authorization: Bearer $TOKEN"');
}
