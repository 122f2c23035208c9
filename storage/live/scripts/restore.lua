-- Write a history that was read from SQL, if the claim still holds.
-- ARGV: 2 ticket, 3 attempt, 4 lifetime in seconds, 5... turns.   Returns 1, or 0 if somebody else has the job now.
if not is_current(ARGV[2], ARGV[3]) then return 0 end
redis.call('DEL', history)
for index = 5, #ARGV do redis.call('RPUSH', history, ARGV[index]) end
redis.call('EXPIRE', history, ARGV[4])
return 1
