-- Letters of one channel that are due are found without looking at those of another, however many these are.
CREATE INDEX outbox_channel ON outbox (channel, state, due_at);
