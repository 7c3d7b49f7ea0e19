/** The small picture that the service makes of an image, of any format. */
export const thumbnailAddress = (job: string, index: number): string =>
  `v1/jobs/${job}/images/${index}/thumbnail`;
