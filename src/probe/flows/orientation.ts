/**
 * Finds the client's end of a connection by the stronger evidence of its two ends. Results are fields, so that a call
 * allocates nothing.
 */
import { Direction, OFFSET, RECORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';
import { ALONE } from './closed-pairs.js';
import { endOf } from './connection-table.js';
import { NO_END } from './end-table.js';
import { BOTH, CLIENT, SERVER, type Roles } from './roles.js';

export class Orientation {
  /** Slots or records of the last connection's ends; NO_END: the end is elsewhere. */
  client = NO_END;
  server = NO_END;
  /** A `DirectionEvidence`: how the direction is known. */
  evidence = 0;

  constructor(private readonly roles: Roles) {}

  /** For a followed connection. @param first its ends' slots in `view`; NO_END: unknown */
  find(view: RecordView, first: number, second: number): void {
    const { roles } = this;
    let role = 0;
    let evidence = -1;
    if (first !== NO_END) {
      role = roles.roleOf(view, first);
      ({ evidence } = roles);
    }
    if (second !== NO_END) {
      const other = roles.roleOf(view, second);
      // In a simultaneous open the lower port counts as the server's.
      const isSimultaneous = other === role && roles.evidence === evidence;
      if (roles.evidence > evidence || isSimultaneous) {
        role = other === CLIENT ? SERVER : other === SERVER ? CLIENT : BOTH;
        ({ evidence } = roles);
      }
    }
    this.evidence = evidence;
    if (role === BOTH) {
      this.client = first !== NO_END ? first : second;
      this.server = NO_END;
    } else {
      this.client = role === CLIENT ? first : second;
      this.server = role === CLIENT ? second : first;
    }
  }

  /** For a connection that began and ended between two snapshots. @param other ALONE: the other end is elsewhere */
  findPassed(view: RecordView, i: number, other: number): void {
    const { roles } = this;
    const { bytes } = view;
    let role = roles.roleOf(view, i);
    let { evidence } = roles;
    if (other !== ALONE && bytes[i * RECORD.bytes + OFFSET.direction] === Direction.Unknown) {
      const otherRole = roles.roleOf(view, other);
      if (roles.evidence > evidence) {
        role = otherRole === CLIENT ? SERVER : CLIENT;
        ({ evidence } = roles);
      }
    } else if (
      other !== ALONE &&
      bytes[i * RECORD.bytes + OFFSET.direction] === bytes[other * RECORD.bytes + OFFSET.direction]
    ) {
      // In a simultaneous open the lower port counts as the server's.
      role = endOf(view, i) === 0 ? SERVER : CLIENT;
    }
    const isClient = role !== SERVER;
    this.client = isClient ? i : other;
    this.server = isClient ? other : i;
    this.evidence = evidence;
  }
}
