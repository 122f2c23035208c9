-- Take over entries of a stream whose consumer has no heartbeat any more.
-- KEYS: 1 stream.   ARGV: 1 group, 2 consumer that takes them, 3 prefix of the heartbeats, 4 least idle time in
-- milliseconds, 5 how many.   Returns the entries, as XCLAIM does.
local ids, is_alive = {}, {}
for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[4], '-', '+', ARGV[5])) do
  local consumer = entry[2]
  if is_alive[consumer] == nil then is_alive[consumer] = redis.call('EXISTS', ARGV[3] .. consumer) == 1 end
  if not is_alive[consumer] then ids[#ids + 1] = entry[1] end
end
if #ids == 0 then return {} end
return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids))
