-- Append a message to the dialogue's inbox, once, and see to it that there is a job.
-- ARGV: 2 epoch, 3 message id, 4 message, 5 channel of interruptions, 6 lifetime in seconds.
-- Returns 1 if it was added, 0 if it was there already or was called off in the meantime.
local epoch, id, message, interruptions, lifetime = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if epoch < tonumber(redis.call('HGET', state, 'epoch') or '0') then return 0 end
interrupt(epoch, interruptions)

local is_new = 1
for _, waiting in ipairs(redis.call('LRANGE', inbox, 0, -1)) do
  if cjson.decode(waiting)['id'] == id then is_new = 0 end
end
-- Answered, but not recorded yet: the reply is on its way.
for _, turn in ipairs(redis.call('LRANGE', history, -64, -1)) do
  if cjson.decode(turn)['id'] == id then is_new = 0 end
end
if is_new == 1 then redis.call('RPUSH', inbox, message) end
ensure_job()
redis.call('EXPIRE', state, lifetime)
redis.call('EXPIRE', history, lifetime)
return is_new
