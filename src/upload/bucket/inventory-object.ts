/** The present version of an object, as it was when the inventory was made. */
export interface InventoryObject {
  key: string;
  /** Without quotes. */
  etag: string;
  bytes: number;
}
