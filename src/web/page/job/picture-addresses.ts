/** Addresses of the pictures of a job's images, which the service makes from any format that it can read. */
const imagePath = (job: string, index: number): string => `v1/jobs/${job}/images/${index}`;

export const thumbnailAddress = (job: string, index: number): string => `${imagePath(job, index)}/thumbnail`;
export const previewAddress = (job: string, index: number): string => `${imagePath(job, index)}/preview`;
/** As it was submitted. */
export const originalAddress = imagePath;
