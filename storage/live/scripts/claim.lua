-- Start on a job: count the try, give it a fencing number, take the messages that are answered together.
-- ARGV: 2 ticket.   Returns {attempt, epoch, tries, message...}, or nothing where the job is void.
local ticket = ARGV[2]
if redis.call('HGET', state, 'job') ~= ticket then
  redis.call('XACK', jobs, group, ticket)
  redis.call('XDEL', jobs, ticket)
  return {}
end
local waiting = redis.call('LRANGE', inbox, 0, -1)
if #waiting == 0 then
  drop_job()
  return {}
end

-- A burst of words is one question; a retry or a continuation stands alone.
local taken = 1
if cjson.decode(waiting[1])['ask'] == 'say' then
  while taken < #waiting and cjson.decode(waiting[taken + 1])['ask'] == 'say' do taken = taken + 1 end
end
redis.call('HSET', state, 'taken', taken)
local claimed = {
  tostring(redis.call('HINCRBY', state, 'attempt', 1)),
  redis.call('HGET', state, 'epoch') or '0',
  tostring(redis.call('HINCRBY', state, 'tries', 1)),
}
for index = 1, taken do claimed[#claimed + 1] = waiting[index] end
return claimed
