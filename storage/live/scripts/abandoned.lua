-- Take over entries of a stream whose consumer has no heartbeat any more.
-- KEYS: 1 stream.   ARGV: 1 group, 2 consumer that takes them, 3 prefix of the heartbeats, 4 least idle time in
-- milliseconds, 5 how many.   Returns the entries, as XCLAIM does.
local page_length = 500
-- Who asks lives, whatever became of its heartbeat while Redis was away.
local ids, is_alive, from, page = {}, {[ARGV[2]] = true}, '-', nil
repeat
  -- Page by page: the oldest entries may all be long jobs of the living.
  page = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[4], from, '+', page_length)
  for _, entry in ipairs(page) do
    local consumer = entry[2]
    if is_alive[consumer] == nil then is_alive[consumer] = redis.call('EXISTS', ARGV[3] .. consumer) == 1 end
    if not is_alive[consumer] and #ids < tonumber(ARGV[5]) then ids[#ids + 1] = entry[1] end
    from = '(' .. entry[1]
  end
until #page < page_length or #ids == tonumber(ARGV[5])
if #ids == 0 then return {} end
return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids))
