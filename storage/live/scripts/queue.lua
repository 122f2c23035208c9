-- Bring the inbox up to date with what waits in SQL, and see to it that there is a job.
-- ARGV: 2 epoch, 3 channel of interruptions, 4 lifetime in seconds, 5... id and text of what waits, oldest first. The list
-- is complete up to its last message, so whatever else is older than that does not wait any more.
-- Returns how many were added: none where they were called off in the meantime.
local epoch, interruptions, lifetime = tonumber(ARGV[2]), ARGV[3], ARGV[4]
if epoch < tonumber(redis.call('HGET', state, 'epoch') or '0') then return 0 end
interrupt(epoch, interruptions)

local in_hand = tonumber(redis.call('HGET', state, 'taken') or '0')
local last = tonumber(ARGV[#ARGV - 1])
local is_in_hand, was_there, inbox_now = {}, {}, {}
local newer = {}
for index, waiting in ipairs(redis.call('LRANGE', inbox, 0, -1)) do
  local id = cjson.decode(waiting)['id']
  if index <= in_hand then
    is_in_hand[id] = true
    inbox_now[index] = waiting
  else
    was_there[id] = true
    if tonumber(id) > last then newer[#newer + 1] = waiting end
  end
end
local added = 0
for index = 5, #ARGV, 2 do
  local id = ARGV[index]
  -- Answered, but that was not in SQL when the list was read: the reply was on its way.
  local is_answered = redis.call('ZSCORE', answered, id)
  if not is_in_hand[id] and not is_answered then
    inbox_now[#inbox_now + 1] = ARGV[index + 1]
    if not was_there[id] then added = added + 1 end
  end
end
redis.call('DEL', inbox)
for _, waiting in ipairs(inbox_now) do redis.call('RPUSH', inbox, waiting) end
for _, waiting in ipairs(newer) do redis.call('RPUSH', inbox, waiting) end
ensure_job()
redis.call('EXPIRE', state, lifetime)
redis.call('EXPIRE', history, lifetime)
return added
