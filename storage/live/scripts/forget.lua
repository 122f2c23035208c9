-- Erase all that is known of a dialogue, and call off what is being written for it.   ARGV: 2 channel of interruptions.
interrupt(tonumber(redis.call('HGET', state, 'epoch') or '0') + 1, ARGV[2])
redis.call('DEL', state)
return 1
