-- Undo what a reply that SQL refused did here: its messages may be queued again, the history is read from SQL again.
-- ARGV: 2 epoch of the reply, 3... ids of its messages.
-- Returns 1, or 0 where a later epoch has begun since: with nothing of the reply, and perhaps with other answers.
if tonumber(ARGV[2]) < tonumber(redis.call('HGET', state, 'epoch') or '0') then return 0 end
redis.call('DEL', history)
for index = 3, #ARGV do redis.call('ZREM', answered, ARGV[index]) end
return 1
