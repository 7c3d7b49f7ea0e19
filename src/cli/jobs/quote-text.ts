import { dollars } from '../../core/money/money.ts';
import { PRICES_AS_OF } from '../../core/money/prices.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { duration } from '../../core/text/duration.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { harmless } from '../../results/export.ts';
import type { Quote, RequestQuote } from '../../scaler/quote.ts';

/** A quote as JSON has it; what is not known is left out. */
export interface QuoteView extends Quote {
  v: 1;
  cluster: string;
  cloud: 'local' | 'aws';
  /** Of one machine. */
  imagesPerSecond: number;
  imagesPerSecondIs: 'assumed' | 'measured';
  bootMs: number;
  bootIs: 'assumed' | 'measured';
  hourlyUsd: number | undefined;
  priceFrom: string;
  /** Where requests are paid for. */
  requests?: RequestQuote;
}

/** A quote for a person. */
export function quoteText(quote: QuoteView): string {
  const { images, bytes, messages, machines, reason, warnings, requests } = quote;
  return [
    row('images', `${images}, ${byteSize(bytes)}, in ${pluralize(messages, 'request')}`),
    row('machines', `${machines} (${reason})`),
    ...warnings.map((warning) => row('', `WARNING: ${warning}`)),
    ...times(quote),
    row('cost', machineCost(quote)),
    ...(requests === undefined ? [] : [row('', requestCost(requests))]),
    'As if nothing else were to be done; nothing was stored or launched.\n',
  ].join('');
}

const row = (name: string, text: string): string => `${name.padEnd(14)}${harmless(text)}\n`;

function times({ drainMs, firstResultMs, bootMs, bootIs, ...quote }: QuoteView): string[] {
  if (drainMs === undefined) return [row('done', 'never: no machine would be launched')];
  const rate = `${Number(quote.imagesPerSecond.toPrecision(3))} images/s a machine, ${quote.imagesPerSecondIs}`;
  return [
    row('first result', `in about ${duration(firstResultMs)} (boot ${duration(bootMs)}, ${bootIs})`),
    row('done', `in about ${duration(drainMs)} (${rate})`),
  ];
}

function machineCost({ machineUsd, hourlyUsd, priceFrom }: QuoteView): string {
  if (machineUsd === undefined || hourlyUsd === undefined)
    return 'unknown: the price of a machine is not known (set pricePerHour)';
  if (hourlyUsd === 0) return `${dollars(machineUsd)}: ${priceFrom}`;
  return `about ${dollars(machineUsd)} for machines at ${dollars(hourlyUsd)} an hour (${priceFrom})`;
}

const requestCost = ({ s3Put, s3Get, sqs, usd }: RequestQuote): string =>
  `${dollars(usd)} on top for requests: ${s3Put} PUT and ${s3Get} GET of S3, ${sqs} of SQS (list prices, ${PRICES_AS_OF})`;
