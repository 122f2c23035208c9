-- Both turns into history, the reply on its way, the job acknowledged, the next one added: all or nothing.
-- KEYS: 6 replies, 7 put aside.
-- ARGV: 2 ticket, 3 attempt, 4 reply, 5 is put aside, 6 replaces the last turn, 7 turns kept, 8 put aside kept,
--       9 lifetime in seconds, 10 answered messages kept, 11 turns that the worker recalled, 12... turns to append.
-- Returns 1, or 0 if somebody else has the job now.
local replies, put_aside = KEYS[6], KEYS[7]
local ticket, attempt, reply = ARGV[2], ARGV[3], ARGV[4]
if not is_current(ticket, attempt) then return 0 end

if ARGV[5] == '1' then
  redis.call('XADD', put_aside, 'MAXLEN', '~', ARGV[8], '*', 'v', '1', 'dialogue', dialogue, 'reply', reply)
end
local taken = tonumber(redis.call('HGET', state, 'taken'))
for _, message in ipairs(redis.call('LRANGE', inbox, 0, taken - 1)) do
  local id = cjson.decode(message)['id']
  redis.call('ZADD', answered, id, id)
end
redis.call('ZREMRANGEBYRANK', answered, 0, -1 - ARGV[10])
redis.call('EXPIRE', answered, ARGV[9])
redis.call('LTRIM', inbox, taken, -1)
if redis.call('LLEN', history) == tonumber(ARGV[11]) then
  if ARGV[6] == '1' then redis.call('RPOP', history) end
  for index = 12, #ARGV do redis.call('RPUSH', history, ARGV[index]) end
  redis.call('LTRIM', history, -tonumber(ARGV[7]), -1)
  redis.call('EXPIRE', history, ARGV[9])
else
  -- It expired or was found wrong while the worker wrote: half a history would pass for a whole one.
  redis.call('DEL', history)
end
redis.call('HINCRBY', state, 'unrecorded', 1)
redis.call('XADD', replies, '*', 'v', '1', 'dialogue', dialogue, 'reply', reply)
drop_job()
ensure_job()
redis.call('EXPIRE', state, ARGV[9])
return 1
