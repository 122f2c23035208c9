-- Make everything of an older epoch void.   ARGV: 2 epoch, 3 channel of interruptions, 4 lifetime in seconds.
interrupt(tonumber(ARGV[2]), ARGV[3])
redis.call('EXPIRE', state, ARGV[4])
return 1
