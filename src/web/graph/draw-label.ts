/** Node labels on the canvas: the name, under it the small print, readable over edges by a halo of the background. */
import type { NodeDisplayData } from 'sigma/types';
import type { Palette } from './palette.js';

const NAME_PX = 12.5;
const MINOR_PX = 10.5;
const GAP_PX = 6;

/** What sigma hands to a drawing function; our own attributes come along. */
export interface LabelData extends Pick<NodeDisplayData, 'x' | 'y' | 'size'> {
  readonly label: string | null;
  readonly labelMinor?: string;
  /** Not in focus. */
  readonly faint?: boolean;
}

export interface LabelStyle {
  readonly palette: Palette;
  /** Whether there is room for the small print. */
  readonly withMinor: boolean;
}

/** Draws under the node, centred: beside it, labels run over the neighbours on wide screens. */
export function drawLabel(
  context: CanvasRenderingContext2D,
  data: LabelData,
  { palette, withMinor }: LabelStyle,
): void {
  if (data.label === null || data.label === '') return;
  const minor = data.labelMinor ?? '';
  const top = data.y + data.size + GAP_PX;
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.lineJoin = 'round';
  context.lineWidth = 4;
  context.strokeStyle = palette.background;
  context.globalAlpha = data.faint === true ? 0.35 : 1;
  context.font = `600 ${NAME_PX}px ${palette.font}`;
  context.fillStyle = palette.text;
  context.strokeText(data.label, data.x, top);
  context.fillText(data.label, data.x, top);
  if (withMinor && minor !== '') {
    context.font = `400 ${MINOR_PX}px ${palette.font}`;
    context.fillStyle = palette.mutedText;
    context.strokeText(minor, data.x, top + NAME_PX + 3);
    context.fillText(minor, data.x, top + NAME_PX + 3);
  }
  context.globalAlpha = 1;
  context.textAlign = 'start';
  context.textBaseline = 'alphabetic';
}

/** The node under the pointer or selected: a ring, and its label always in full. */
export function drawHover(context: CanvasRenderingContext2D, data: LabelData, palette: Palette): void {
  context.beginPath();
  context.arc(data.x, data.y, data.size + 3.5, 0, 2 * Math.PI);
  context.strokeStyle = palette.ring;
  context.lineWidth = 2.5;
  context.stroke();
  drawLabel(context, { ...data, faint: false }, { palette, withMinor: true });
}
