-- Put a job back into the stream as if nobody had started on it.   ARGV: 2 ticket, 3 attempt.
-- Returns 1, or 0 if somebody else has the job now.
if not is_current(ARGV[2], ARGV[3]) then return 0 end
local tries = tonumber(redis.call('HGET', state, 'tries') or '1')
drop_job()
ensure_job()
if tries > 1 then redis.call('HSET', state, 'tries', tries - 1) end
return 1
