import type { Delivery, Effects, Wake, WakeTarget } from '@waybill/engine';

/** What a transition made due, kept until it is durable. */
export class CollectedEffects implements Effects {
  readonly dueDeliveries: Delivery[] = [];
  readonly revokedDeliveries: Delivery[] = [];
  readonly wakes: Wake[] = [];

  due(delivery: Delivery): void {
    this.dueDeliveries.push(delivery);
  }

  wake(target: WakeTarget, at: number): void {
    this.wakes.push({ target, at });
  }

  revoked(delivery: Delivery): void {
    this.revokedDeliveries.push(delivery);
  }
}
