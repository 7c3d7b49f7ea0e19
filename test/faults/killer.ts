/** How an image ends that kills its model runner. */
export const KILLER = Buffer.from('this image kills its runner');
