/** The name of the image that a container was made of. */
import { FACT, latestOf } from '../../report/keys.js';
import type { Node, Report } from '../../report/model/model.js';

/** Name and tag of a container's image, from its image node. */
export function imageNameOf(report: Report, container: Node | undefined): string | undefined {
  const own = latestOf(container, FACT.imageName);
  if (own !== undefined) return own;
  const imageId = latestOf(container, FACT.imageId);
  if (imageId === undefined) return undefined;
  return latestOf(
    report.topologies.get('ContainerImage')?.nodes.get(`${imageId};<container_image>`),
    FACT.imageName,
  );
}

/** `registry:5000/name:tag` → `registry:5000/name`. */
export function withoutTag(image: string): string {
  const colon = image.lastIndexOf(':');
  return colon > image.lastIndexOf('/') ? image.slice(0, colon) : image;
}
