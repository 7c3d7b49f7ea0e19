/** The public specification of CloudWatch's embedded metric format, as far as a log line must follow it. */
import * as z from 'zod';

const ascii = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\x20-\x7e]+$/);
const UNITS = [
  'Seconds',
  'Microseconds',
  'Milliseconds',
  'Bytes',
  'Percent',
  'Count',
  'Count/Second',
  'None',
];

const directive = z.strictObject({
  Namespace: ascii(255).refine((name) => !name.startsWith('AWS/')),
  Dimensions: z.array(z.array(ascii(250)).max(30)).min(1),
  Metrics: z
    .array(
      z.strictObject({
        Name: ascii(255),
        Unit: z.enum(UNITS).optional(),
        StorageResolution: z.union([z.literal(1), z.literal(60)]).optional(),
      }),
    )
    .min(1)
    .max(100),
});

/** CloudWatch takes no other numbers. */
const number = z
  .number()
  .refine((value) => value === 0 || (Math.abs(value) > 8.6e-109 && Math.abs(value) < 1.17e108));
const target = z.union([number, z.array(number).min(1).max(100)]);

/** Members besides `_aws` are free, but what a directive refers to must be there, in its type. */
export const embeddedMetrics = z
  .looseObject({
    _aws: z.strictObject({
      Timestamp: z.int().positive(),
      CloudWatchMetrics: z.array(directive).min(1),
    }),
  })
  .superRefine((line, context) => {
    for (const { Dimensions, Metrics } of line._aws.CloudWatchMetrics) {
      const isWrong = (name: string, schema: z.ZodType) => !schema.safeParse(line[name]).success;
      for (const name of Dimensions.flat())
        if (isWrong(name, ascii(1024))) context.addIssue(`dimension ${name}`);
      for (const { Name } of Metrics) if (isWrong(Name, target)) context.addIssue(`metric ${Name}`);
    }
  });
export type EmbeddedMetrics = z.infer<typeof embeddedMetrics>;

/** Every value of a metric in these lines, for one value of its own dimension where that is named. */
export function valuesOf(
  lines: readonly EmbeddedMetrics[],
  metric: string,
  dimensions: object = {},
): number[] {
  return lines
    .filter((line) => Object.entries(dimensions).every(([name, value]) => line[name] === value))
    .flatMap((line) => (line[metric] ?? []) as number[]);
}
