-- What every script on a dialogue starts with: the dialogue's keys, and the two moves that several scripts make.
-- KEYS: 1 jobs, 2 inbox, 3 history, 4 state, 5 answered.   ARGV[1] dialogue.
local jobs, inbox, history, state, answered = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local dialogue = ARGV[1]
local group = 'workers'

-- Forget the job in flight: whoever works on it may no longer write.
local function drop_job()
  local job = redis.call('HGET', state, 'job')
  if job then
    redis.call('XACK', jobs, group, job)
    redis.call('XDEL', jobs, job)
  end
  redis.call('HDEL', state, 'job', 'tries', 'taken')
end

-- One job per dialogue: add one if messages wait and none is in flight.
local function ensure_job()
  if redis.call('HEXISTS', state, 'job') == 0 and redis.call('LLEN', inbox) > 0 then
    redis.call('HSET', state, 'job', redis.call('XADD', jobs, '*', 'v', '1', 'dialogue', dialogue))
  end
end

-- Move on to a later epoch: what waits and what is being written is void, the history is read from SQL again.
local function interrupt(epoch, interruptions)
  if epoch <= tonumber(redis.call('HGET', state, 'epoch') or '-1') then return false end
  drop_job()
  redis.call('DEL', inbox, history, answered)
  redis.call('HSET', state, 'epoch', epoch)
  redis.call('PUBLISH', interruptions, cjson.encode({v = 1, dialogue = dialogue, epoch = epoch}))
  return true
end

-- True if this claim still holds the job.
local function is_current(ticket, attempt)
  return redis.call('HGET', state, 'job') == ticket and redis.call('HGET', state, 'attempt') == attempt
end
