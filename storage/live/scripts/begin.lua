-- Begin a dialogue with what was said in it before.
-- ARGV: 2 channel of interruptions, 3 lifetime in seconds, 4... turns.
interrupt(0, ARGV[2])
for index = 4, #ARGV do redis.call('RPUSH', history, ARGV[index]) end
redis.call('EXPIRE', history, ARGV[3])
redis.call('EXPIRE', state, ARGV[3])
return 1
