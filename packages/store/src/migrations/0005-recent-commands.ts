/** Looks at the inbox begin at its newest rows: behind them may lie all that an old snapshot keeps from vacuum. */
export const recentCommands = 'create index inbox_recent on inbox (created_at);';
