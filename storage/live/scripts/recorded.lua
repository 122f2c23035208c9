-- Take a reply that is recorded out of the stream.   KEYS: 6 replies.   ARGV: 2 group of the recorders, 3 ticket.
-- Returns 1, or 0 where it was not there any more.
local replies, ticket = KEYS[6], ARGV[3]
redis.call('XACK', replies, ARGV[2], ticket)
if redis.call('XDEL', replies, ticket) == 0 then return 0 end
if redis.call('HINCRBY', state, 'unrecorded', -1) <= 0 then redis.call('HDEL', state, 'unrecorded') end
return 1
