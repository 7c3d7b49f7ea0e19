import { dollars } from '../../core/money/money.ts';
import { PRICES_AS_OF } from '../../core/money/prices.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { duration } from '../../core/text/duration.ts';
import { harmless } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { Quote, RequestQuote } from '../../scaler/quote.ts';

/** A quote as JSON. Unknown values are absent. */
export interface QuoteView extends Quote {
  v: 1;
  cluster: string;
  cloud: 'local' | 'aws';
  /** Of files that the upload would store. The others are read where they are. */
  copiedBytes: number;
  /** Of one machine. */
  imagesPerSecond: number;
  imagesPerSecondIs: 'assumed' | 'measured';
  bootMs: number;
  bootIs: 'assumed' | 'measured';
  hourlyUsd: number | undefined;
  priceFrom: string;
  oldPrices?: string;
  /** What a machine costs an hour as a spot instance, as the controller read it. */
  spot?: { fromUsd: number; toUsd: number; atMs: number };
  /** Absent where requests cost nothing. */
  requests?: RequestQuote;
}

/** A quote for a person. */
export function quoteText(quote: QuoteView): string {
  const { images, bytes, messages, machines, reason, warnings, oldPrices, requests } = quote;
  return [
    row('images', `${images}, ${byteSize(bytes)}, in ${pluralize(messages, 'request')}`),
    ...known(quote),
    row('copies', copies(quote)),
    row('machines', `${machines} (${reason})`),
    ...warnings.map(warningRow),
    ...times(quote),
    row('cost', machineCost(quote)),
    ...(oldPrices === undefined ? [] : [warningRow(oldPrices)]),
    ...spotCost(quote),
    ...choices(quote),
    ...(requests === undefined ? [] : [row('', requestCost(requests))]),
    'Assumes that the cluster has no other work. Nothing was stored or launched.\n',
  ].join('');
}

const row = (name: string, text: string): string => `${name.padEnd(14)}${harmless(text)}\n`;

const warningRow = (warning: string): string => row('', `warning: ${warning}`);

function known({ knownImages = 0 }: QuoteView): string[] {
  if (knownImages === 0) return [];
  return [row('', `about ${knownImages} of them have predictions already, as a sample of the files shows`)];
}

function copies({ cloud, copiedBytes }: QuoteView): string {
  if (copiedBytes === 0) return 'none: the images are read where they are';
  return `up to ${byteSize(copiedBytes)}, in ${cloud === 'local' ? 'the data folder' : 'the input bucket'}`;
}

function times({ drainMs, firstResultMs, bootMs, bootIs, ...quote }: QuoteView): string[] {
  if (drainMs === 0) return [row('done', 'within seconds')];
  if (quote.machines === 0) return [row('done', 'never without other workers: no machine would be launched')];
  const rate = `${Number(quote.imagesPerSecond.toPrecision(3))} images/s per machine, ${quote.imagesPerSecondIs}`;
  return [
    row('first result', `in about ${duration(firstResultMs)} (boot ${duration(bootMs)}, ${bootIs})`),
    row('done', drainMs === undefined ? 'never: see the warning' : `in about ${duration(drainMs)} (${rate})`),
  ];
}

function machineCost({ machineUsd, hourlyUsd, priceFrom }: QuoteView): string {
  if (machineUsd === undefined || hourlyUsd === undefined)
    return 'unknown: no price for a machine (set pricePerHour)';
  if (hourlyUsd === 0) return `${dollars(machineUsd)}: ${priceFrom}`;
  return `about ${dollars(machineUsd)} for machines at ${dollars(hourlyUsd)} per hour (${priceFrom})`;
}

/** As much less as the price of an hour is. */
function spotCost({ machineUsd, hourlyUsd, spot }: QuoteView): string[] {
  if (spot === undefined || !machineUsd || !hourlyUsd) return [];
  const [from, to] = [spot.fromUsd, spot.toUsd].map((usd) => dollars((machineUsd * usd) / hourlyUsd));
  const range = from === to ? from : `${from} to ${to}`;
  return [
    row('', `as spot instances ${range}, at prices of ${new Date(spot.atMs).toISOString().slice(0, 16)}Z`),
  ];
}

/** Other numbers of machines, if there is a choice. */
function choices({ choices: all, machines }: QuoteView): string[] {
  if (all.length < 2) return [];
  return all.map((choice, at) => {
    const { drainMs, machineUsd, isInTime, isWithinCost } = choice;
    const marks = [
      choice.machines === machines ? 'chosen' : undefined,
      isInTime === undefined ? undefined : isInTime ? 'meets --by' : 'misses --by',
      isWithinCost === undefined ? undefined : isWithinCost ? 'within --max-cost' : 'above --max-cost',
    ].filter((mark) => mark !== undefined);
    const usd = machineUsd === undefined ? '' : `, ${dollars(machineUsd)}`;
    const mark = marks.length === 0 ? '' : ` (${marks.join(', ')})`;
    return row(
      at === 0 ? 'choices' : '',
      `${pluralize(choice.machines, 'machine')}: ${duration(drainMs)}${usd}${mark}`,
    );
  });
}

const requestCost = ({ s3Put, s3Get, sqs, usd }: RequestQuote): string =>
  `plus ${dollars(usd)} for requests: ${s3Put} S3 PUT, ${s3Get} S3 GET, ${sqs} SQS (list prices, ${PRICES_AS_OF})`;
