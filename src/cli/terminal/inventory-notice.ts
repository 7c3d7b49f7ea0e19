import type { InventoryInfo } from '../../upload/bucket/inventory.ts';
import { notice } from './notice.ts';

/** Says how old the list of the images is. */
export function noticeInventory({ sourceBucket, createdAtMs }: InventoryInfo): void {
  const [day = '', time = ''] = new Date(createdAtMs).toISOString().split('T');
  notice(`The inventory lists the objects of s3://${sourceBucket} of ${day} ${time.slice(0, 5)} UTC.`);
}
