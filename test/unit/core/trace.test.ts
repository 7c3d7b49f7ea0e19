import fc from 'fast-check';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { environmentTrace } from '../../../src/app/environment-trace.ts';
import { parseRequest, parseResponse } from '../../../src/core/job/messages.ts';
import { aboutJob, traceId, traceOf, traceOfParent, traceparent } from '../../../src/core/job/trace.ts';

const JOB = '01M831J8A74S31BMAWYB97FNG7';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('the trace of a job', () => {
  it('is the given one, else the bits of the job id', () => {
    expect(traceOf({ job: JOB, trace: TRACE })).toBe(TRACE);
    expect(traceOf({ job: JOB })).toBe('01a206192147264615d15cf2d277d607');
    expect(Number.parseInt(traceOf({ job: ulid(1_234_567_890_123) })?.slice(0, 12) ?? '', 16)).toBe(
      1_234_567_890_123,
    );
  });

  it('is a valid trace id and differs between jobs', () => {
    fc.assert(
      fc.property(fc.ulid(), fc.ulid(), (one, other) => {
        expect(traceId.safeParse(traceOf({ job: one })).success).toBe(true);
        expect(traceOf({ job: one }) === traceOf({ job: other })).toBe(one === other);
      }),
    );
  });

  it('is undefined if the job id is not a ULID', () => {
    expect(aboutJob({ job: 'drop-2026-11-26' })).toEqual({ job: 'drop-2026-11-26', trace: undefined });
  });

  it('may be absent in messages of an older imgcls', () => {
    const model = { name: 'm', version: '1', variant: 'int8', sha256: 'ab'.repeat(32) };
    const image = { index: 0, name: 'a.jpg', bucket: 'b', key: 'k' };
    const request = { v: 1, job: JOB, attempt: 1, model, topK: 5, images: [image] };
    expect(traceOf(parseRequest(JSON.stringify(request)))).toBe(traceOf({ job: JOB }));
    expect(traceOf(parseRequest(JSON.stringify({ ...request, trace: TRACE })))).toBe(TRACE);
    const response = { v: 1, job: JOB, attempt: 1, first: 0, last: 0, worker: 'w' };
    expect(parseResponse(JSON.stringify(response)).trace).toBeUndefined();
    expect(() => parseRequest(JSON.stringify({ ...request, trace: 'mine' }))).toThrow('trace');
  });
});

describe('a traceparent', () => {
  it.each([
    [PARENT, TRACE],
    [` ${PARENT}\n`, TRACE],
    [`cc-${TRACE}-00f067aa0ba902b7-01-what-comes-later`, TRACE],
    [`ff-${TRACE}-00f067aa0ba902b7-01`, undefined],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, undefined],
    [`00-${TRACE}-0000000000000000-01`, undefined],
    [PARENT.toUpperCase(), undefined],
    [`${PARENT}, ${PARENT}`, undefined],
    [TRACE, undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j has the trace %j', (given, trace) => {
    expect(traceOfParent(given)).toBe(trace);
  });

  it('is continued by the callee', () => {
    expect(traceOfParent(traceparent(TRACE, 'b7ad6b7169203331'))).toBe(TRACE);
  });

  it('comes from the environment of the program', () => {
    expect(environmentTrace({ TRACEPARENT: PARENT })).toEqual({ trace: TRACE });
    expect(environmentTrace({ TRACEPARENT: 'nonsense' })).toEqual({});
    expect(environmentTrace({})).toEqual({});
  });
});
