import { idOfUuid, type RunInfo } from '@waybill/protocol';
import type { NewRun } from '@waybill/store';

export function infoOf(
  uuid: string,
  row: Pick<NewRun, 'workflowKey' | 'version' | 'context' | 'tags' | 'metadata'>,
): RunInfo & { readonly traceId: string } {
  const { workflowKey: workflowId, version, context, tags, metadata } = row;
  const traceId = uuid.replaceAll('-', '');
  return { id: idOfUuid('run', uuid), traceId, workflowId, version, context, tags, metadata };
}
