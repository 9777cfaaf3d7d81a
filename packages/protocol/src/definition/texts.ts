import { z } from '@hono/zod-openapi';

const idPattern = /^[A-Za-z0-9_.-]{1,128}$/;

export const stepIdSchema = z
  .string()
  .regex(idPattern, 'must be 1 to 128 of the characters A–Z a–z 0–9 _ . -')
  .refine((id) => id !== '__proto__', 'must not be "__proto__"');

export const workflowKeySchema = stepIdSchema.refine(
  (key) => !key.startsWith('run_'),
  'must not start with "run_": that is how run ids start',
);

/**
 * `\u0000` and lone surrogates are refused in settings: PostgreSQL's text and jsonb do not take them. They
 * are data only inside contexts and results.
 */
export function settingText(bounds: { min: number; max: number }) {
  const text = z.string().min(bounds.min).max(bounds.max);
  return text.refine(isStorable, storableRule);
}

const storableRule = 'must not hold U+0000 or lone surrogates';
const isStorable = (text: string) => !text.includes('\u0000') && !/\p{Surrogate}/u.test(text);

const metadataKey = settingText({ min: 1, max: 128 });
const metadataValue = settingText({ min: 0, max: 1024 });

/** Not `z.record`, whose parse drops the key `__proto__` in silence. */
export const metadataSchema = z
  .custom<Record<string, string>>()
  .superRefine((value: unknown, context) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      context.addIssue('must be an object of strings');
      return;
    }
    for (const [key, member] of Object.entries(value)) {
      const issues = [metadataKey.safeParse(key), metadataValue.safeParse(member)].flatMap(
        ({ error }) => error?.issues ?? [],
      );
      for (const { message } of issues) context.addIssue({ code: 'custom', message, path: [key] });
    }
  })
  .openapi({ type: 'object', additionalProperties: { type: 'string', maxLength: 1024 } });

export const tagsSchema = z.array(settingText({ min: 1, max: 128 })).max(50);

export const urlSchema = settingText({ min: 1, max: 2048 });

/** CEL; what is wrong with it is said by `findExpressionFaults`, its length included. */
export const expressionSchema = z.string().refine(isStorable, storableRule);
